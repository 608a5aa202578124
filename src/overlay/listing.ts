// The merged names of one directory, ordered by cookies that depend on the names alone, so that
// a list dropped and rebuilt goes on from any offset a reader holds: there are no directory
// handles (OPENDIR is answered ENOSYS) and nobody knows who is in the middle of a listing.

export interface Entry {
  readonly name: string
  /** DT_ number. */
  type: number
  /** Where the topmost object lies: 0 the upper, i + 1 the directory's lower part i. */
  place: number
  /** In more than one part, or perhaps so: what was made since may lie over a hidden name. */
  several: boolean
  /** Inode number on its layer. */
  inoLow: number
  inoHigh: number
  cookie: number
  gone: boolean
}

/** Offsets 1 and 2 follow `.` and `..`. */
export const FIRST_COOKIE = 3
/** Cookies are exact doubles: 52 bits, and room for collisions above them. */
const HASH_HIGH_BITS = 0xf_ffff

export class Listing {
  private entries: Entry[] = []
  private readonly added = new Map<string, Entry>()
  private gone = 0

  private readonly seed: number

  constructor(found: Iterable<Entry>, seed: number) {
    this.seed = seed
    for (const entry of found) {
      entry.cookie = this.hash(entry.name)
      this.entries.push(entry)
    }
    this.arrange()
  }

  get size(): number {
    return this.entries.length - this.gone + this.added.size
  }

  find(name: string): Entry | null {
    const recent = this.added.get(name)
    if (recent !== undefined) return recent
    const cookie = this.hash(name)
    for (let i = this.firstFrom(cookie); i < this.entries.length; i++) {
      const entry = this.entries[i]
      if (entry === undefined) return null
      if (entry.name === name) return entry.gone ? null : entry
      if (this.hash(entry.name) !== cookie) return null
    }
    return null
  }

  insert(name: string, type: number, inoLow: number, inoHigh: number): void {
    this.remove(name)
    const cookie = this.hash(name)
    const entry = {
      name,
      type,
      place: 0,
      several: true,
      inoLow,
      inoHigh,
      cookie,
      gone: false,
    }
    this.added.set(name, entry)
  }

  remove(name: string): void {
    if (this.added.delete(name)) return
    const entry = this.find(name)
    if (entry === null) return
    entry.gone = true
    this.gone++
  }

  /** Entries whose cookie is greater than `offset`, in order. */
  *after(offset: number): Generator<Entry> {
    this.settle()
    for (let i = this.firstFrom(offset + 1); i < this.entries.length; i++) {
      const entry = this.entries[i]
      if (entry !== undefined && !entry.gone) yield entry
    }
  }

  *[Symbol.iterator](): Generator<Entry> {
    yield* this.after(0)
  }

  /** Brings additions into the order, and drops what is gone once it is a good part. */
  private settle(): void {
    if (this.added.size === 0 && this.gone * 4 < this.entries.length) return
    this.entries = this.entries.filter(entry => !entry.gone)
    this.entries.push(...this.added.values())
    this.added.clear()
    this.gone = 0
    this.arrange()
  }

  /** Sorts by hash, then numbers the names that share one. */
  private arrange(): void {
    const order = this.entries
    for (const entry of order) entry.cookie = this.hash(entry.name)
    order.sort((a, b) => a.cookie - b.cookie || (a.name < b.name ? -1 : 1))
    for (let i = 1; i < order.length; i++) {
      const before = order[i - 1]
      const entry = order[i]
      if (before !== undefined && entry !== undefined && entry.cookie <= before.cookie)
        entry.cookie = before.cookie + 1
    }
  }

  /** Index of the first entry whose cookie is at least `cookie`. */
  private firstFrom(cookie: number): number {
    let low = 0
    let high = this.entries.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.entries[middle]?.cookie ?? Infinity) < cookie) low = middle + 1
      else high = middle
    }
    return low
  }

  /** A 52-bit hash of the name, seeded so that nobody can choose names that collide. */
  private hash(name: string): number {
    let a = this.seed | 0
    let b = this.seed ^ 0x9e37_79b9
    for (let i = 0; i < name.length; i++) {
      const c = name.charCodeAt(i)
      a = Math.imul(a ^ c, 0x85eb_ca6b)
      b = Math.imul(b ^ c, 0xc2b2_ae35)
      a ^= a >>> 15
      b ^= b >>> 13
    }
    a = Math.imul(a ^ (b >>> 7), 0x27d4_eb2f)
    b = Math.imul(b ^ (a >>> 11), 0x1656_67b1)
    a ^= a >>> 14
    b ^= b >>> 16
    return ((a >>> 0) & HASH_HIGH_BITS) * 0x1_0000_0000 + (b >>> 0) + FIRST_COOKIE
  }
}
