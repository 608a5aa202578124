// The merged names of one directory, ordered by cookies that depend on the names alone, so that
// a list dropped and rebuilt goes on from any offset a reader holds: nobody knows who is in the
// middle of a listing.
//
// A listing is one string and one array of words, no object for a name: fresh walks of large
// trees are bound by the memory they fill.
import { ST } from '../sys/stat.js'
import {
  COOKIE_HIGH,
  COOKIE_LOW,
  Draft,
  GONE,
  ID,
  INO_HIGH,
  INO_LOW,
  KIND,
  LOOKUPS,
  mergeOrdered,
  NameHash,
  type Ordered,
  PLACE_SHIFT,
  SEVERAL,
  START,
  STRIDE,
  TYPE_MASK,
} from './listing-draft.js'

/** FS_IMMUTABLE_FL and FS_APPEND_FL, 0x10 and 0x20, in bits 10 and 11 of KIND. */
const PROTECTED_SHIFT = 6
const PROTECTED = 0x30 << PROTECTED_SHIFT

const draft = new Draft()
const wanted = new NameHash()
const other = new NameHash()

/** The draft of the next listing: the one before it is made, or given up. */
export function beginListing(seed: number): Draft {
  return draft.begin(seed)
}

interface Addition {
  readonly type: number
  readonly inoLow: number
  readonly inoHigh: number
}

export class Listing {
  /** All names in order, each with a NUL behind it. */
  names: string
  /** STRIDE words for each. */
  words: Uint32Array
  /** Made since the last ordering; they lie in the upper. */
  private readonly added = new Map<string, Addition>()
  private gone = 0
  private readonly seed: number

  /** Takes what is in order for `seed`, which is the listing's from now on. */
  constructor(seed: number, { names, words }: Ordered) {
    this.seed = seed
    this.names = names
    this.words = words
  }

  /** Names that exist. */
  get size(): number {
    return this.length - this.gone + this.added.size
  }

  /** Places in the order, those of names that are gone included. */
  get length(): number {
    return this.words.length / STRIDE
  }

  /** Index of a name among the ordered ones, -1 where it is not among them. */
  indexOf(name: string): number {
    wanted.ofName(name, this.seed)
    for (let i = this.firstFrom(wanted.high, wanted.low); i < this.length; i++) {
      if (this.nameIs(i, name)) return this.isGone(i) ? -1 : i
      other.ofName(this.nameAt(i), this.seed)
      if (other.high > wanted.high) break
      if (other.high === wanted.high && other.low > wanted.low) break
    }
    return -1
  }

  has(name: string): boolean {
    return this.added.has(name) || this.indexOf(name) >= 0
  }

  /** Where the topmost object lies: 0 the upper, i + 1 the lower part i; -1 for no such name. */
  placeOf(name: string): number {
    if (this.added.has(name)) return 0
    const i = this.indexOf(name)
    return i < 0 ? -1 : this.placeAt(i)
  }

  /** Whether a name lies in one of the lower parts and in no other part. */
  isOnlyInLower(name: string): boolean {
    if (this.added.has(name)) return false
    const i = this.indexOf(name)
    return i >= 0 && this.placeAt(i) > 0 && (this.kind(i) & SEVERAL) === 0
  }

  /** Whether a name lies in the upper and, as known since the merge, nowhere below. */
  isOnlyInUpper(name: string): boolean {
    if (this.added.has(name)) return false
    const i = this.indexOf(name)
    return i >= 0 && this.placeAt(i) === 0 && (this.kind(i) & SEVERAL) === 0
  }

  insert(name: string, type: number, inoLow: number, inoHigh: number): void {
    this.remove(name)
    this.added.set(name, { type, inoLow, inoHigh })
  }

  remove(name: string): void {
    if (this.added.delete(name)) return
    const i = this.indexOf(name)
    if (i < 0) return
    this.words[i * STRIDE + KIND] = this.kind(i) | GONE
    this.gone++
  }

  /** A copy-up has put the name into the upper, too. */
  moveToUpper(name: string): void {
    const i = this.indexOf(name)
    if (i >= 0) this.words[i * STRIDE + KIND] = (this.kind(i) & TYPE_MASK) | SEVERAL
  }

  /**
   * Index of the first name whose cookie is greater than `offset`; additions are brought into
   * the order first. Indices hold until the next call that changes the listing.
   */
  firstAfter(offset: number): number {
    this.settle()
    const from = offset + 1
    return this.firstFrom(Math.floor(from / 0x1_0000_0000), from >>> 0)
  }

  /** Every index, in order. */
  *[Symbol.iterator](): Generator<number> {
    for (let i = this.firstAfter(0); i < this.length; i++) if (!this.isGone(i)) yield i
  }

  isGone(i: number): boolean {
    return (this.kind(i) & GONE) !== 0
  }

  nameAt(i: number): string {
    return this.names.slice(this.startOf(i), this.endOf(i))
  }

  /** The names of `count` entries, each with a NUL behind it, as they lie one after another. */
  namesOf(first: number, count: number): string {
    return this.names.slice(this.startOf(first), this.endOf(first + count - 1) + 1)
  }

  /** Where a name begins, for offsets into what `namesOf` gives. */
  startOf(i: number): number {
    return this.words[i * STRIDE + START] ?? 0
  }

  lengthAt(i: number): number {
    return this.endOf(i) - this.startOf(i)
  }

  cookieLow(i: number): number {
    return this.words[i * STRIDE + COOKIE_LOW] ?? 0
  }

  cookieHigh(i: number): number {
    return this.words[i * STRIDE + COOKIE_HIGH] ?? 0
  }

  /** The offset that follows a name. */
  cookieAt(i: number): number {
    return this.cookieHigh(i) * 0x1_0000_0000 + this.cookieLow(i)
  }

  /** DT_ number. */
  typeAt(i: number): number {
    return this.kind(i) & TYPE_MASK
  }

  /** In more than one part, or perhaps so. */
  isSeveral(i: number): boolean {
    return (this.kind(i) & SEVERAL) !== 0
  }

  placeAt(i: number): number {
    return this.kind(i) >>> PLACE_SHIFT
  }

  /** The inode number on its layer, as the directory says it. */
  inoLow(i: number): number {
    return this.words[i * STRIDE + INO_LOW] ?? 0
  }

  inoHigh(i: number): number {
    return this.words[i * STRIDE + INO_HIGH] ?? 0
  }

  /** The nodeid of a dormant child, 0 for any other. */
  idAt(i: number): number {
    return this.words[i * STRIDE + ID] ?? 0
  }

  lookupsAt(i: number): number {
    return this.words[i * STRIDE + LOOKUPS] ?? 0
  }

  /** Emulated inode flags of a dormant child. */
  protectionAt(i: number): number {
    return (this.kind(i) & PROTECTED) >>> PROTECTED_SHIFT
  }

  /** The child becomes dormant: what a node would say of it goes into the entry. */
  setDormant(i: number, id: number, record: Uint32Array, at: number): void {
    const entry = i * STRIDE
    const protection = (record[at + ST.attributes] ?? 0) << PROTECTED_SHIFT
    const type = ((record[at + ST.mode] ?? 0) >>> 12) & TYPE_MASK
    this.words[entry + KIND] =
      (this.kind(i) & ~(PROTECTED | TYPE_MASK)) | (protection & PROTECTED) | type
    this.words[entry + INO_LOW] = record[at + ST.ino] ?? 0
    this.words[entry + INO_HIGH] = record[at + ST.ino + 1] ?? 0
    this.words[entry + ID] = id
    this.words[entry + LOOKUPS] = 0
  }

  setLookups(i: number, lookups: number): void {
    this.words[i * STRIDE + LOOKUPS] = lookups
  }

  /** The child has a node now, or is forgotten. */
  clearDormant(i: number): void {
    this.words[i * STRIDE + ID] = 0
    this.words[i * STRIDE + LOOKUPS] = 0
  }

  private kind(i: number): number {
    return this.words[i * STRIDE + KIND] ?? 0
  }

  private endOf(i: number): number {
    const next = (i + 1) * STRIDE + START
    return (next < this.words.length ? (this.words[next] ?? 0) : this.names.length) - 1
  }

  private nameIs(i: number, name: string): boolean {
    return (
      this.lengthAt(i) === name.length && this.names.startsWith(name, this.startOf(i))
    )
  }

  /** Brings additions into the order, and drops what is gone once it is a good part. */
  private settle(): void {
    if (this.added.size === 0 && this.gone * 4 <= this.length) return
    const additions = beginListing(this.seed)
    for (const [name, one] of this.added)
      additions.addName(name, one.type | SEVERAL, one.inoLow, one.inoHigh)
    this.added.clear()
    this.gone = 0
    const { names, words } = mergeOrdered(this, additions.arrange())
    this.names = names
    this.words = words
  }

  /** Index of the first entry whose cookie is at least the given one. */
  private firstFrom(high: number, low: number): number {
    const { words } = this
    let first = 0
    let last = this.length
    while (first < last) {
      const middle = (first + last) >>> 1
      const at = middle * STRIDE
      const own = words[at + COOKIE_HIGH] ?? 0
      if (own < high || (own === high && (words[at + COOKIE_LOW] ?? 0) < low))
        first = middle + 1
      else last = middle
    }
    return first
  }
}
