// The system calls as tests use them: a path or a [descriptor, name] in, a value out, a thrown
// CallError with the errno's name for a failure. Each call is recorded in the trace. No retry, no
// expectation and no default beyond the usual modes lives here.
import * as fs from 'node:fs'
import { inspect } from 'node:util'
import { errnoName } from '../../src/errno/errno.js'
import * as C from '../../src/sys/constants.js'
import { ST, STAT_WORDS, native } from '../../src/sys/native.js'
import { record } from './trace.js'

/** A path, or a name below an open directory. Strings are latin1, one character a byte. */
export type Place = string | readonly [fd: number, name: string]

/** A call that failed; `code` is the errno's name, as in Node's own errors. */
export class CallError extends Error {
  readonly code: string
  constructor(call: string, args: readonly unknown[], result: number) {
    super(`${call} ${inspect(args, { maxStringLength: 200 })}: ${errnoName(result)}`)
    this.code = errnoName(result)
  }
}

function done(call: string, args: readonly unknown[], result: number): number {
  record(call, args, result)
  if (result < 0) throw new CallError(call, args, result)
  return result
}

function split(place: Place): readonly [number, string] {
  return typeof place === 'string' ? [C.AT_FDCWD, place] : place
}

/** Bytes of a string that holds one character a byte. */
export function bytes(text: string): Buffer {
  return Buffer.from(text, 'latin1')
}

// ---- names ------------------------------------------------------------------------------------

export function mkdir(place: Place, mode = 0o777): void {
  done('mkdir', [place, mode], native.mkdirat(...split(place), mode))
}

export function rmdir(place: Place): void {
  done('rmdir', [place], native.unlinkat(...split(place), C.AT_REMOVEDIR))
}

export function unlink(place: Place): void {
  done('unlink', [place], native.unlinkat(...split(place), 0))
}

/** `flags`: AT_SYMLINK_FOLLOW, AT_EMPTY_PATH. */
export function link(from: Place, to: Place, flags = 0): void {
  done(
    'link',
    [from, to, ...(flags === 0 ? [] : [flags])],
    native.linkat(...split(from), ...split(to), flags),
  )
}

export function symlink(target: string, place: Place): void {
  done('symlink', [target, place], native.symlinkat(target, ...split(place)))
}

export function readlink(place: Place): string {
  const buffer = Buffer.allocUnsafe(8192)
  const length = done('readlink', [place], native.readlinkat(...split(place), buffer, 0))
  return buffer.toString('latin1', 0, length)
}

/** `flags`: RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_WHITEOUT. */
export function rename(from: Place, to: Place, flags = 0): void {
  done(
    'rename',
    [from, to, ...(flags === 0 ? [] : [flags])],
    native.renameat2(...split(from), ...split(to), flags),
  )
}

/** `mode` holds the type as well. */
export function mknod(place: Place, mode: number, major = 0, minor = 0): void {
  const rdev = (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)
  done(
    'mknod',
    [place, `0${mode.toString(8)}`, major, minor],
    native.mknodat(...split(place), mode, rdev),
  )
}

// ---- attributes -------------------------------------------------------------------------------

/** What stat and statx say; times are nanoseconds since 1970. */
export interface Stat {
  readonly ino: bigint
  /** Type and permissions. */
  readonly mode: number
  readonly nlink: number
  readonly uid: number
  readonly gid: number
  readonly size: number
  readonly blocks: number
  readonly blksize: number
  /** "major:minor". */
  readonly dev: string
  readonly rdev: string
  readonly atime: bigint
  readonly mtime: bigint
  readonly ctime: bigint
  /** 0n where the filesystem does not know it. */
  readonly btime: bigint
  /** STATX_ATTR_*. */
  readonly attributes: number
  readonly attributesMask: number
}

const words = new Uint32Array(STAT_WORDS)

function statx(call: string, place: Place, flags: number): Stat {
  const [fd, name] = split(place)
  done(call, [place], native.statx(fd, name, flags, words, 0))
  const mask = words[ST.mask] ?? 0
  return {
    ino: long(ST.ino),
    mode: word(ST.mode),
    nlink: word(ST.nlink),
    uid: word(ST.uid),
    gid: word(ST.gid),
    size: Number(long(ST.size)),
    blocks: Number(long(ST.blocks)),
    blksize: word(ST.blksize),
    dev: device(word(ST.dev), word(ST.dev + 1)),
    rdev: shortDevice(word(ST.rdev)),
    atime: time(ST.atime, ST.atimeNsec),
    mtime: time(ST.mtime, ST.mtimeNsec),
    ctime: time(ST.ctime, ST.ctimeNsec),
    btime: (mask & C.STATX_BTIME) === 0 ? 0n : time(ST.btime, ST.btimeNsec),
    attributes: word(ST.attributes),
    attributesMask: word(ST.attributesMask),
  }
}

function word(at: number): number {
  return words[at] ?? 0
}

function long(at: number): bigint {
  return (BigInt(word(at + 1)) << 32n) | BigInt(word(at))
}

function time(seconds: number, nanoseconds: number): bigint {
  return BigInt.asIntN(64, long(seconds)) * 1_000_000_000n + BigInt(word(nanoseconds))
}

/** glibc's gnu_dev_makedev form. */
function device(low: number, high: number): string {
  const major = ((low >>> 8) & 0xfff) | (high & ~0xfff)
  const minor = (low & 0xff) | ((low >>> 12) & ~0xff) | (high << 20)
  return `${major}:${minor}`
}

/** The kernel's new_encode_dev form. */
function shortDevice(value: number): string {
  return `${(value >>> 8) & 0xfff}:${(value & 0xff) | ((value >>> 12) & ~0xff)}`
}

export function stat(place: Place): Stat {
  return statx('stat', place, 0)
}

export function lstat(place: Place): Stat {
  return statx('lstat', place, C.AT_SYMLINK_NOFOLLOW)
}

export function fstat(fd: number): Stat {
  return statx('fstat', [fd, ''], C.AT_EMPTY_PATH)
}

export function chmod(place: Place, mode: number): void {
  done(
    'chmod',
    [place, `0${mode.toString(8)}`],
    native.fchmodat(...split(place), mode, 0),
  )
}

/** fchmodat2 with AT_SYMLINK_NOFOLLOW. */
export function lchmod(place: Place, mode: number): void {
  done(
    'lchmod',
    [place, `0${mode.toString(8)}`],
    native.fchmodat(...split(place), mode, C.AT_SYMLINK_NOFOLLOW),
  )
}

export function fchmod(fd: number, mode: number): void {
  done(
    'fchmod',
    [fd, `0${mode.toString(8)}`],
    native.fchmodat(fd, '', mode, C.AT_EMPTY_PATH),
  )
}

/** -1 keeps an id. */
export function chown(place: Place, uid: number, gid: number): void {
  done('chown', [place, uid, gid], native.fchownat(...split(place), uid, gid, 0))
}

export function lchown(place: Place, uid: number, gid: number): void {
  done(
    'lchown',
    [place, uid, gid],
    native.fchownat(...split(place), uid, gid, C.AT_SYMLINK_NOFOLLOW),
  )
}

export function fchown(fd: number, uid: number, gid: number): void {
  done('fchown', [fd, uid, gid], native.fchownat(fd, '', uid, gid, C.AT_EMPTY_PATH))
}

/** Nanoseconds since 1970, or what utimensat's special values say. */
export type Time = bigint | 'now' | 'omit'

/** `flags`: AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH. */
export function utimens(place: Place, atime: Time, mtime: Time, flags = 0): void {
  const [as, an] = timespec(atime)
  const [ms, mn] = timespec(mtime)
  done(
    'utimens',
    [place, atime, mtime, flags],
    native.utimensat(...split(place), as, an, ms, mn, flags),
  )
}

function timespec(value: Time): readonly [number, number] {
  if (value === 'now') return [0, C.UTIME_NOW]
  if (value === 'omit') return [0, C.UTIME_OMIT]
  const rest = ((value % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n
  return [Number((value - rest) / 1_000_000_000n), Number(rest)]
}

/** FS_IOC_GETFLAGS. */
export function getFlags(fd: number): number {
  const buffer = new Uint8Array(8)
  done('FS_IOC_GETFLAGS', [fd], native.ioctlBuffer(fd, C.FS_IOC_GETFLAGS, buffer))
  return new DataView(buffer.buffer).getUint32(0, true)
}

/** FS_IOC_SETFLAGS. */
export function setFlags(fd: number, flags: number): void {
  const buffer = new Uint8Array(8)
  new DataView(buffer.buffer).setUint32(0, flags, true)
  done('FS_IOC_SETFLAGS', [fd, flags], native.ioctlBuffer(fd, C.FS_IOC_SETFLAGS, buffer))
}

/** Any ioctl with an eight-byte buffer. */
export function ioctl(fd: number, request: number): number {
  return done('ioctl', [fd, request], native.ioctlBuffer(fd, request, new Uint8Array(8)))
}

// ---- extended attributes; never followed ------------------------------------------------------

export function getxattr(place: Place, attribute: string): Buffer {
  const value = Buffer.allocUnsafe(C.XATTR_SIZE_MAX)
  const length = done(
    'getxattr',
    [place, attribute],
    native.getxattrat(...split(place), attribute, value),
  )
  return value.subarray(0, length)
}

/** The value's length as an empty buffer learns it, or ERANGE for one that is too small. */
export function getxattrInto(place: Place, attribute: string, room: number): number {
  const result = native.getxattrat(...split(place), attribute, new Uint8Array(room))
  return done('getxattr', [place, attribute, room], result)
}

export function setxattr(
  place: Place,
  attribute: string,
  value: Uint8Array | string,
  flags = 0,
): void {
  const raw = typeof value === 'string' ? bytes(value) : value
  done(
    'setxattr',
    [place, attribute, raw, flags],
    native.setxattrat(...split(place), attribute, raw, flags),
  )
}

/** Sorted. */
export function listxattr(place: Place): string[] {
  const list = Buffer.allocUnsafe(C.XATTR_LIST_MAX)
  const length = done('listxattr', [place], native.listxattrat(...split(place), list))
  return list
    .toString('latin1', 0, length)
    .split('\0')
    .filter(name => name !== '')
    .sort()
}

export function removexattr(place: Place, attribute: string): void {
  done(
    'removexattr',
    [place, attribute],
    native.removexattrat(...split(place), attribute),
  )
}

// ---- open files -------------------------------------------------------------------------------

export function open(place: Place, flags: number, mode = 0o666): number {
  // openat2 refuses a mode where nothing is created; O_TMPFILE is more than one bit.
  const creates = (flags & C.O_CREAT) !== 0 || (flags & C.O_TMPFILE) === C.O_TMPFILE
  const created = creates ? mode : 0
  return done(
    'open',
    [place, flagNames(flags), `0${created.toString(8)}`],
    native.openat2(...split(place), flags, created, 0),
  )
}

export function close(fd: number): void {
  done('close', [fd], native.close(fd))
}

/** At most `length` bytes from the descriptor's position. */
export function read(fd: number, length: number): Buffer {
  const buffer = Buffer.allocUnsafe(length)
  return buffer.subarray(
    0,
    node('read', [fd, length], () => fs.readSync(fd, buffer)),
  )
}

/** The whole of `data` at the descriptor's position, or what one call took of it. */
export function write(fd: number, data: Uint8Array | string): number {
  const raw = typeof data === 'string' ? bytes(data) : data
  return node('write', [fd, raw], () => fs.writeSync(fd, raw))
}

/** Calls of Node's own, where they are the system call. */
function node(call: string, args: readonly unknown[], run: () => number): number {
  try {
    return done(call, args, run())
  } catch (error) {
    if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
      return done(call, args, error.errno)
    }
    throw error
  }
}

export function pread(fd: number, length: number, position: number): Buffer {
  const buffer = Buffer.allocUnsafe(length)
  const result = native.pread(fd, buffer, 0, length, position)
  return buffer.subarray(0, done('pread', [fd, length, position], result))
}

export function pwrite(fd: number, data: Uint8Array | string, position: number): number {
  const raw = typeof data === 'string' ? bytes(data) : data
  const result = native.pwrite(fd, raw, 0, raw.length, position)
  return done('pwrite', [fd, raw, position], result)
}

export function truncate(path: string, size: number): void {
  done('truncate', [path, size], native.truncate(path, size))
}

export function ftruncate(fd: number, size: number): void {
  done('ftruncate', [fd, size], native.ftruncate(fd, size))
}

export function fallocate(
  fd: number,
  mode: number,
  offset: number,
  length: number,
): void {
  const result = native.fallocate(fd, mode, offset, length)
  done('fallocate', [fd, mode, offset, length], result)
}

export function lseek(fd: number, offset: number, whence: number): number {
  return done('lseek', [fd, offset, whence], native.lseek(fd, offset, whence))
}

export function fsync(fd: number): void {
  done('fsync', [fd], native.fsync(fd))
}

export function fdatasync(fd: number): void {
  done('fdatasync', [fd], native.fdatasync(fd))
}

export function syncfs(fd: number): void {
  done('syncfs', [fd], native.syncfs(fd))
}

export function flock(fd: number, operation: number): void {
  done('flock', [fd, operation], native.flock(fd, operation))
}

/** Negative offsets mean the descriptors' own positions. */
export function copyFileRange(
  from: number,
  fromOffset: number,
  to: number,
  toOffset: number,
  length: number,
): number {
  const args = [from, fromOffset, to, toOffset, length] as const
  return done('copy_file_range', args, native.copy_file_range(...args, 0))
}

export function ficlone(destination: number, source: number): void {
  done('FICLONE', [destination, source], native.ficlone(destination, source))
}

/** What fstatfs says. */
export interface StatFs {
  readonly blocks: bigint
  readonly bfree: bigint
  readonly bavail: bigint
  readonly files: bigint
  readonly ffree: bigint
  readonly bsize: number
  readonly namelen: number
  readonly type: number
  readonly flags: number
}

export function fstatfs(fd: number): StatFs {
  const out = new Uint32Array(20)
  done('fstatfs', [fd], native.fstatfs(fd, out))
  const at = (i: number): number => out[i] ?? 0
  const wide = (i: number): bigint => (BigInt(at(i + 1)) << 32n) | BigInt(at(i))
  return {
    blocks: wide(0),
    bfree: wide(2),
    bavail: wide(4),
    files: wide(6),
    ffree: wide(8),
    bsize: at(10),
    namelen: at(11),
    type: at(14),
    flags: at(15),
  }
}

/** What one getdents64 record says; `offset` is where the next record is read from. */
export interface Dirent {
  readonly name: string
  readonly ino: bigint
  readonly type: number
  readonly offset: bigint
}

/** One getdents64 call of at most `room` bytes; empty at the end. */
export function getdents(fd: number, room = 32768): Dirent[] {
  const buffer = Buffer.allocUnsafe(room)
  const end = done('getdents64', [fd, room], native.getdents64(fd, buffer, 0))
  const entries: Dirent[] = []
  for (let at = 0; at < end; at += buffer.readUInt16LE(at + 16)) {
    const stop = buffer.indexOf(0, at + 19)
    entries.push({
      name: buffer.toString('latin1', at + 19, stop),
      ino: buffer.readBigUInt64LE(at),
      type: buffer.readUInt8(at + 18),
      offset: buffer.readBigInt64LE(at + 8),
    })
  }
  return entries
}

/** The process's file mode mask while `run` runs. */
export function withUmask<T>(mask: number, run: () => T): T {
  const before = native.umask(mask)
  record('umask', [`0${mask.toString(8)}`], before)
  try {
    return run()
  } finally {
    native.umask(before)
  }
}

const OPEN_FLAGS: readonly (readonly [string, number])[] = [
  ['O_TMPFILE', C.O_TMPFILE],
  ['O_CREAT', C.O_CREAT],
  ['O_EXCL', C.O_EXCL],
  ['O_TRUNC', C.O_TRUNC],
  ['O_APPEND', C.O_APPEND],
  ['O_DIRECTORY', C.O_DIRECTORY],
  ['O_NOFOLLOW', C.O_NOFOLLOW],
  ['O_PATH', C.O_PATH],
  ['O_NONBLOCK', C.O_NONBLOCK],
  ['O_SYNC', C.O_SYNC],
  ['O_DSYNC', C.O_DSYNC],
  ['O_DIRECT', C.O_DIRECT],
  ['O_NOATIME', C.O_NOATIME],
]

function flagNames(flags: number): string {
  const names = [['O_RDONLY', 'O_WRONLY', 'O_RDWR'][flags & C.O_ACCMODE] ?? 'O_ACCMODE']
  let rest = flags & ~C.O_ACCMODE
  for (const [name, bits] of OPEN_FLAGS) {
    if ((rest & bits) !== bits) continue
    names.push(name)
    rest &= ~bits
  }
  return names.join('|')
}
