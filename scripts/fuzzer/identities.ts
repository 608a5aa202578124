// Follows files by the model's number: each side's inode number must stay, and an operation must
// change the times on both sides or on none.
import type { Finding } from './answer.js'
import { isRecent } from './times.js'

interface Seen {
  readonly ino: string
  readonly mtime: string
  readonly ctime: string
}

export class Identities {
  readonly #last = new Map<number, readonly [a: Seen, b: Seen]>()

  readonly #begin: number

  constructor(begin: number) {
    this.#begin = begin
  }

  forget(): void {
    this.#last.clear()
  }

  /** One more observation of a file on both sides. */
  seen(id: number, a: Seen, b: Seen): Finding | undefined {
    const before = this.#last.get(id)
    this.#last.set(id, [a, b])
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
      if (inA !== inB) {
        const text = `${olderA[field]} -> ${a[field]} | ${olderB[field]} -> ${b[field]}`
        return { kind: `${field} ${inA ? 'did not change' : 'changed'}`, text }
      }
    }
    return undefined
  }
}
