// Follows files by the model's number: each side's inode number must stay, and an operation must
// change the times on both sides or on none.
import type { Finding } from './answer.js'
import type { Inode } from './model.js'
import { isRecent } from './times.js'

interface Seen {
  readonly ino: string
  readonly mtime: string
  readonly ctime: string
}

type Pair = readonly [a: Seen, b: Seen]

export class Identities {
  readonly #last = new Map<number, Pair>()

  /** Directories that were listed since they were seen last. */
  readonly #listed = new Set<number>()
  /** Objects that were renamed since they were seen last. */
  readonly #moved = new Set<number>()
  readonly #begin: number

  constructor(begin: number) {
    this.#begin = begin
  }

  forget(): void {
    this.#last.clear()
  }

  /** Not compared: 'impure marks of directories that hold nothing from below'. */
  listed(directory: Inode): void {
    this.#listed.add(directory.id)
  }

  /** Not compared: 'ctime of what is renamed on xfs'. */
  moved({ id }: Inode): void {
    this.#moved.add(id)
  }

  /**
   * One more observation of a file on both sides; `kernelSides` says which are kernel overlayfs.
   */
  seen(
    { id, linked }: Inode,
    a: Seen,
    b: Seen,
    kernelSides: readonly [a: boolean, b: boolean],
  ): Finding | undefined {
    const before = this.#last.get(id)
    this.#last.set(id, [a, b])
    // Not compared: 'names of copied-up hard links'.
    const excused = this.#listed.delete(id) || linked
    const moved = this.#moved.delete(id)
    if (!before) return undefined
    const [olderA, olderB] = before
    // Where the first side's number changes the model has lost the file, or the first side has.
    if (olderA.ino === a.ino && olderB.ino !== b.ino) {
      return {
        kind: 'ino changed',
        text: `stays ${a.ino} | ${olderB.ino} became ${b.ino}`,
      }
    }
    if (olderA.ino !== a.ino) return undefined
    const byKernelAlone = kernelSides[olderA.ctime === a.ctime ? 1 : 0]
    const isExcused = moved || (excused && byKernelAlone)
    return (
      this.#changed('mtime', before, [a, b]) ??
      (isExcused ? undefined : this.#changed('ctime', before, [a, b]))
    )
  }

  /** Whether a time has changed on one side alone. */
  #changed(
    field: 'mtime' | 'ctime',
    [olderA, olderB]: Pair,
    [a, b]: Pair,
  ): Finding | undefined {
    if (!isRecent(a[field], this.#begin) || !isRecent(olderA[field], this.#begin))
      return undefined
    const [inA, inB] = [olderA[field] !== a[field], olderB[field] !== b[field]]
    if (inA === inB) return undefined
    const text = `${olderA[field]} -> ${a[field]} | ${olderB[field]} -> ${b[field]}`
    return { kind: `${field} ${inA ? 'did not change' : 'changed'}`, text }
  }
}
