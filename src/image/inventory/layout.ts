// The file layers/HEX/inventory: what an unpacked layer consists of, as it lay on this disk when it
// was unpacked. Words of 32 bits in the order of this machine's bytes, since inode numbers and
// change times mean nothing on another one:
//
//     header, the root's entry, a block for each directory, SHA-256 of that; digests, SHA-256 of those
//
// A block is the number of its entries, the bytes of their names, the names (each ends in NUL; the
// block is filled up to whole words), and an entry for each name. Blocks follow each other as a
// stack of directories gives them: the last directory of a block comes next. Pure.
import { createHash } from 'node:crypto'
import { ST, isDirectory } from '../../sys/stat.js'

export const MAGIC = 0x76_69_6c_70
export const VERSION = 1
/** Magic, version, words of the root's entry and all blocks, number of digests. */
export const HEADER_WORDS = 4
export const DIGEST_BYTES = 32

/** Words of an entry, by what they hold; size, times and inode are 64 bits, low word first. */
export const ENTRY = {
  mode: 0,
  uid: 1,
  gid: 2,
  rdev: 3,
  /** 0 for directories, whose size is the filesystem's own affair. */
  size: 4,
  mtime: 6,
  mtimeNsec: 8,
  ctime: 9,
  ctimeNsec: 11,
  ino: 12,
  /** 1 + number of the digest of the contents or of a symlink's target; 0: it has none. */
  digest: 14,
} as const
export const ENTRY_WORDS = 15

/** Set in an entry's digest: it is of the blocks that hold something, with their places. */
export const BY_BLOCKS = 0x8000_0000

/** The word of a stat record that each word of an entry is, but for the digest. */
const FROM = Uint8Array.of(
  ...[ST.mode, ST.uid, ST.gid, ST.rdev, ST.size, ST.size + 1],
  ...[ST.mtime, ST.mtime + 1, ST.mtimeNsec, ST.ctime, ST.ctime + 1, ST.ctimeNsec],
  ...[ST.ino, ST.ino + 1],
)

/** Writes what a stat record says into an entry. */
export function writeEntry(
  words: Uint32Array,
  to: number,
  records: Uint32Array,
  at: number,
  digest: number,
): void {
  for (let i = 0; i < FROM.length; i++) words[to + i] = records[at + (FROM[i] ?? 0)] ?? 0
  if (isDirectory(records, at)) words.fill(0, to + ENTRY.size, to + ENTRY.size + 2)
  words[to + ENTRY.digest] = digest
}

/** What ends both parts of the file: the second is read only by those who compare contents. */
export function sealOf(part: Uint8Array): Buffer {
  return createHash('sha256').update(part).digest()
}
