// A merged tree in memory (see layout.ts): what the lower layers of an image show together. With it
// a mount answers lookups and listings without a call on the layers. It is read where it lies, makes
// no object for a name, and is never written.
import { STAT_WORDS, ST } from '../../sys/stat.js'
import { Listing } from '../listing.js'
import {
  COOKIE_HIGH,
  COOKIE_LOW,
  INO_HIGH,
  INO_LOW,
  KIND,
  NameHash,
  PLACE_SHIFT,
  START,
  STRIDE,
} from '../listing-draft.js'
import {
  ASK,
  DIRECTORY,
  DIRECTORY_WORDS,
  ENTRY,
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  MAGIC,
  unpackRecord,
  VERSION,
} from './layout.js'

/** No such name. */
export const ABSENT = -1
export const ROOT_ENTRY = 0
export const ROOT_DIRECTORY = 0

const wanted = new NameHash()
const other = new NameHash()

export class MergedTree {
  /** Of the cookies of all listings of the mount. */
  readonly seed: number
  private readonly directories: Uint32Array
  private readonly entries: Uint32Array
  private readonly parts: Uint32Array
  private readonly names: Buffer

  private constructor(words: Uint32Array, names: Buffer) {
    const directories = ((words[HEADER.directories] ?? 0) + 1) * DIRECTORY_WORDS
    const entries = (words[HEADER.entries] ?? 0) * ENTRY_WORDS
    this.seed = words[HEADER.seed] ?? 0
    let at = HEADER_WORDS
    this.directories = words.subarray(at, (at += directories))
    this.entries = words.subarray(at, (at += entries))
    this.parts = words.subarray(at)
    this.names = names
  }

  /**
   * The tree in `bytes`, which begin at a whole word and were written by `recordTree`; null for
   * another version's.
   */
  static of(bytes: Uint8Array): MergedTree | null {
    if (bytes.length < HEADER_WORDS * 4) return null
    const header = new Uint32Array(bytes.buffer, bytes.byteOffset, HEADER_WORDS)
    if (header[HEADER.magic] !== MAGIC || header[HEADER.version] !== VERSION) return null
    const words =
      HEADER_WORDS +
      ((header[HEADER.directories] ?? 0) + 1) * DIRECTORY_WORDS +
      (header[HEADER.entries] ?? 0) * ENTRY_WORDS +
      (header[HEADER.parts] ?? 0)
    if (bytes.length !== words * 4 + (header[HEADER.nameBytes] ?? 0)) return null
    return new MergedTree(
      new Uint32Array(bytes.buffer, bytes.byteOffset, words),
      Buffer.from(bytes.buffer, bytes.byteOffset + words * 4, bytes.length - words * 4),
    )
  }

  /** The number of a directory's first entry; the others follow in the order of its listing. */
  firstEntry(directory: number): number {
    return this.directories[directory * DIRECTORY_WORDS + DIRECTORY.firstEntry] ?? 0
  }

  /** How many names a directory has. */
  count(directory: number): number {
    return this.firstEntry(directory + 1) - this.firstEntry(directory)
  }

  /** The entry of a name; ABSENT where there is none. */
  find(directory: number, name: string): number {
    wanted.ofName(name, this.seed)
    const end = this.firstEntry(directory + 1)
    for (let i = this.firstFrom(directory); i < end; i++) {
      const start = this.startOf(directory, i)
      const nul = this.endOf(directory, i)
      if (this.isName(name, start, nul)) return i
      // Names that share a hash stand together, and none other before them.
      other.begin(this.seed)
      for (let k = start; k < nul; k++) other.add(this.names[k] ?? 0)
      other.end()
      if (other.high !== wanted.high ? other.high > wanted.high : other.low > wanted.low)
        break
    }
    return ABSENT
  }

  /** Whether only the layers themselves know what an entry is. */
  mustAsk(entry: number): boolean {
    return this.word(entry, ENTRY.child) === ASK
  }

  /** The directory that an entry is; -1 for any other, and for one that has to be asked for. */
  directoryOf(entry: number): number {
    const child = this.word(entry, ENTRY.child)
    return child === ASK || child === 0 ? -1 : child
  }

  /** Where an entry's topmost object lies: lower part i of its directory has i. */
  partOf(entry: number): number {
    return (this.word(entry, ENTRY.kind) >>> PLACE_SHIFT) - 1
  }

  /** The lower parts of the directory above that a directory's own are in, topmost first. */
  partsOf(directory: number): Uint32Array {
    const at = directory * DIRECTORY_WORDS + DIRECTORY.firstPart
    return this.parts.subarray(
      this.directories[at],
      this.directories[at + DIRECTORY_WORDS],
    )
  }

  /** Fills the stat record at `at` with the topmost object's. */
  readRecord(entry: number, records: Uint32Array, at: number): void {
    unpackRecord(this.entries, entry * ENTRY_WORDS, records, at)
  }

  /**
   * The same for `count` of a directory's entries from its `first` on, with their names, each with
   * a NUL behind it, where each begins, and 1 for those that must be asked for.
   */
  readBatch(
    directory: number,
    first: number,
    count: number,
    into: {
      readonly records: Uint32Array
      readonly names: Buffer
      readonly starts: Uint32Array
      readonly marks: Uint8Array
    },
  ): void {
    const entry = this.firstEntry(directory) + first
    const start = this.startOf(directory, entry)
    this.names.copy(into.names, 0, start, this.endOf(directory, entry + count - 1) + 1)
    for (let k = 0; k < count; k++) {
      into.starts[k] = this.startOf(directory, entry + k) - start
      into.marks[k] = this.mustAsk(entry + k) ? 1 : 0
      this.readRecord(entry + k, into.records, k * STAT_WORDS)
    }
  }

  /** A directory's listing, which may be changed. */
  listing(directory: number): Listing {
    const count = this.count(directory)
    const words = new Uint32Array(count * STRIDE)
    const { entries } = this
    let from = this.firstEntry(directory) * ENTRY_WORDS
    for (let to = 0; to < words.length; to += STRIDE) {
      words[to + COOKIE_LOW] = entries[from + ENTRY.cookieLow] ?? 0
      words[to + COOKIE_HIGH] = entries[from + ENTRY.cookieHigh] ?? 0
      words[to + START] = entries[from + ENTRY.start] ?? 0
      words[to + INO_LOW] = entries[from + ENTRY.record + ST.ino] ?? 0
      words[to + INO_HIGH] = entries[from + ENTRY.record + ST.ino + 1] ?? 0
      words[to + KIND] = entries[from + ENTRY.kind] ?? 0
      from += ENTRY_WORDS
    }
    const names = this.names.latin1Slice(
      this.firstName(directory),
      this.firstName(directory + 1),
    )
    return new Listing(this.seed, { names, words })
  }

  /** Visits a directory's names as they lie, as RecordVisitor of layer/read-directory.ts has them. */
  visit(
    directory: number,
    visitor: (
      bytes: Buffer,
      start: number,
      end: number,
      kind: number,
      inoLow: number,
      inoHigh: number,
    ) => void,
  ): void {
    const end = this.firstEntry(directory + 1)
    for (let i = this.firstEntry(directory); i < end; i++)
      visitor(
        this.names,
        this.startOf(directory, i),
        this.endOf(directory, i),
        this.word(i, ENTRY.kind),
        this.word(i, ENTRY.record + ST.ino),
        this.word(i, ENTRY.record + ST.ino + 1),
      )
  }

  private word(entry: number, field: number): number {
    return this.entries[entry * ENTRY_WORDS + field] ?? 0
  }

  private firstName(directory: number): number {
    return this.directories[directory * DIRECTORY_WORDS + DIRECTORY.firstName] ?? 0
  }

  private startOf(directory: number, entry: number): number {
    return this.firstName(directory) + this.word(entry, ENTRY.start)
  }

  /** Where the NUL behind a name stands. */
  private endOf(directory: number, entry: number): number {
    const next = entry + 1
    return next < this.firstEntry(directory + 1)
      ? this.startOf(directory, next) - 1
      : this.firstName(directory + 1) - 1
  }

  private isName(name: string, start: number, end: number): boolean {
    if (end - start !== name.length) return false
    for (let i = 0; i < name.length; i++)
      if (this.names[start + i] !== name.charCodeAt(i)) return false
    return true
  }

  /** The first entry of a directory whose cookie is at least the wanted one. */
  private firstFrom(directory: number): number {
    let first = this.firstEntry(directory)
    let last = this.firstEntry(directory + 1)
    while (first < last) {
      const middle = (first + last) >>> 1
      const high = this.word(middle, ENTRY.cookieHigh)
      const isBefore =
        high !== wanted.high
          ? high < wanted.high
          : this.word(middle, ENTRY.cookieLow) < wanted.low
      if (isBefore) first = middle + 1
      else last = middle
    }
    return first
  }
}
