// The bytes of a merged tree: what an overlay of layers that do not change shows, by directory.
// Words of 32 bits in the order of this machine's bytes:
//
//     header; for each directory and one more: its first entry, its first part, its first name's
//     byte; the entries; the parts; the names, each with a NUL behind it
//
// Entry 0 is the root, directory 0 is what it holds. The entries of a directory stand in the order
// of its listing. Its parts are numbers of lower parts of the directory above it. Pure.
import { ST } from '../../sys/stat.js'

export const MAGIC = 0x72_74_6c_70
/** Also says how stat records and the words of a listing are laid out. */
export const VERSION = 1

export const HEADER = {
  magic: 0,
  version: 1,
  /** Of the cookies. */
  seed: 2,
  directories: 3,
  entries: 4,
  parts: 5,
  nameBytes: 6,
} as const
export const HEADER_WORDS = 8

export const DIRECTORY = { firstEntry: 0, firstPart: 1, firstName: 2 } as const
export const DIRECTORY_WORDS = 3

/** Words of an entry; the stat record as the topmost layer has it, without what is of a mount. */
export const ENTRY = {
  cookieLow: 0,
  cookieHigh: 1,
  /** Where the name begins among the directory's. */
  start: 2,
  /** As in a listing. */
  kind: 3,
  /** Of a directory the number of its own; ASK; or 0. */
  child: 4,
  record: 5,
} as const

/** In place of a child: the layers have to be asked, the object may be redirected. */
export const ASK = 0xffff_ffff

/** The runs of words that are kept of a stat record: first and count. */
const KEPT = [
  [ST.ino, ST.flags + 1 - ST.ino],
  [ST.btime, ST.attributesMask + 1 - ST.btime],
  [ST.mask, 1],
] as const

export const ENTRY_WORDS = ENTRY.record + KEPT.reduce((sum, [, count]) => sum + count, 0)

/** Copies a stat record into an entry. */
export function packRecord(
  entries: Uint32Array,
  entry: number,
  records: Uint32Array,
  at: number,
): void {
  let to = entry + ENTRY.record
  for (const [first, count] of KEPT)
    for (let i = 0; i < count; i++) entries[to++] = records[at + first + i] ?? 0
}

/** And back. What is not kept becomes 0. */
export function unpackRecord(
  entries: Uint32Array,
  entry: number,
  records: Uint32Array,
  at: number,
): void {
  let from = entry + ENTRY.record
  records.fill(0, at + ST.dev, at + ST.mask)
  for (const [first, count] of KEPT)
    for (let i = 0; i < count; i++) records[at + first + i] = entries[from++] ?? 0
}
