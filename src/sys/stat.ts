// Reads a stat record as `statx` writes it. Functions over words, no objects: a record is read
// where it lies, in a buffer of many.
import { S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, STATX_BTIME } from './constants.js'
import { ST, STAT_WORDS } from './native.js'

export { ST, STAT_WORDS }

/** Room for `count` stat records. */
export function statRecords(count: number): Uint32Array {
  return new Uint32Array(count * STAT_WORDS)
}

/** The word at `field` (an offset of ST) of the record at `at`. */
export function statWord(record: Uint32Array, field: number, at = 0): number {
  return record[at + field] ?? 0
}

/** The 64-bit value at `field` as a number: exact below 2^53, which sizes and times are. */
export function statNumber(record: Uint32Array, field: number, at = 0): number {
  return (record[at + field + 1] ?? 0) * 0x1_0000_0000 + (record[at + field] ?? 0)
}

/** The 64-bit value at `field` in full: for inode numbers that use all their bits. */
export function statBigInt(record: Uint32Array, field: number, at = 0): bigint {
  return (BigInt(record[at + field + 1] ?? 0) << 32n) | BigInt(record[at + field] ?? 0)
}

/** Seconds (before 1970 negative) at `field`, one of ST's times. */
export function statSeconds(record: Uint32Array, field: number, at = 0): number {
  return ((record[at + field + 1] ?? 0) | 0) * 0x1_0000_0000 + (record[at + field] ?? 0)
}

/** Type and permission bits. */
export function statMode(record: Uint32Array, at = 0): number {
  return record[at + ST.mode] ?? 0
}

/** The type alone: one of S_IFMT's. */
export function statType(record: Uint32Array, at = 0): number {
  return (record[at + ST.mode] ?? 0) & S_IFMT
}

export function isDirectory(record: Uint32Array, at = 0): boolean {
  return statType(record, at) === S_IFDIR
}

export function isRegular(record: Uint32Array, at = 0): boolean {
  return statType(record, at) === S_IFREG
}

export function isSymlink(record: Uint32Array, at = 0): boolean {
  return statType(record, at) === S_IFLNK
}

/** Whether the filesystem knows the time of birth. */
export function hasBirthTime(record: Uint32Array, at = 0): boolean {
  return ((record[at + ST.mask] ?? 0) & STATX_BTIME) !== 0
}

/** Whether two records are of one inode of one filesystem. */
export function isSameFile(
  one: Uint32Array,
  oneAt: number,
  other: Uint32Array,
  otherAt: number,
): boolean {
  return (
    one[oneAt + ST.ino] === other[otherAt + ST.ino] &&
    one[oneAt + ST.ino + 1] === other[otherAt + ST.ino + 1] &&
    one[oneAt + ST.dev] === other[otherAt + ST.dev] &&
    one[oneAt + ST.dev + 1] === other[otherAt + ST.dev + 1]
  )
}

/** new_encode_dev of a makedev-encoded device number (include/linux/kdev_t.h). */
export function encodeRdev(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0
}

/** The major number in a new_encode_dev value. */
export function majorOf(rdev: number): number {
  return (rdev >>> 8) & 0xfff
}

/** The minor number in a new_encode_dev value. */
export function minorOf(rdev: number): number {
  return (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
}
