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

export class Identities {
  readonly #last = new Map<number, readonly [a: Seen, b: Seen]>()

  /** Directories that were listed since they were seen last. */
  readonly #listed = new Set<number>()
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
    for (const field of ['mtime', 'ctime'] as const) {
      if (!isRecent(a[field], this.#begin) || !isRecent(olderA[field], this.#begin))
        continue
      const [inA, inB] = [olderA[field] !== a[field], olderB[field] !== b[field]]
      const byKernelAlone = inA ? kernelSides[0] : kernelSides[1]
      if (field === 'ctime' && excused && byKernelAlone) continue
      if (inA !== inB) {
        const text = `${olderA[field]} -> ${a[field]} | ${olderB[field]} -> ${b[field]}`
        return { kind: `${field} ${inA ? 'did not change' : 'changed'}`, text }
      }
    }
    return undefined
  }
}
