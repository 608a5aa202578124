// The calls by which the overlay asks a layer for its objects: a descriptor of a directory and a
// name. This is where the kinds of layers meet. Of a directory of the disk the descriptor is the
// kernel's, and the kernel answers; of a directory in an archive it is a number that the kernel
// never gives, and the archive's index answers as the kernel would if the layer were unpacked.
import { E } from '../errno/errno.js'
import * as file from '../sys/file.js'
import * as handle from '../sys/handle.js'
import * as inode from '../sys/inode.js'
import * as attributes from '../sys/xattr.js'
import type { ArchivedFile } from './archive-layer/archived-file.js'
import type { ArchiveVolume } from './archive-layer/archive-volume.js'

/** Descriptors from here on are ours: fs.nr_open ends far below. */
const FIRST = 0x4000_0000
const LAST = 0x7fff_ffff

interface Served {
  readonly volume: ArchiveVolume
  /** The descriptor of its first object. */
  readonly base: number
}

/** What is served on this thread, in the order of the descriptors. */
const served: Served[] = []

/** Gives an archive's objects descriptors: the one of the first. Throws RangeError. */
export function serveVolume(volume: ArchiveVolume): number {
  const last = served.at(-1)
  const base = last === undefined ? FIRST : last.base + last.volume.size
  if (base + volume.size > LAST) throw new RangeError('too many archives are mounted')
  served.push({ volume, base })
  return base
}

/** Takes them back. */
export function forgetVolume(volume: ArchiveVolume): void {
  const at = served.findIndex(one => one.volume === volume)
  if (at >= 0) served.splice(at, 1)
}

/** Whether a descriptor is of an archive's object. */
export function isArchived(fd: number): boolean {
  return fd >= FIRST
}

function of(fd: number): Served {
  const found = served.findLast(({ base }) => base <= fd)
  if (found === undefined) throw new RangeError('no such archive')
  return found
}

/** The contents of a regular file of an archive; -errno for other objects. */
export function contentsAt(fd: number, name: string): ArchivedFile | number {
  const { volume, base } = of(fd)
  return volume.contents(fd - base, name)
}

export function statx(
  fd: number,
  name: string,
  flags: number,
  record: Uint32Array,
  at: number,
): number {
  if (fd < FIRST) return inode.statx(fd, name, flags, record, at)
  const { volume, base } = of(fd)
  return volume.stat(fd - base, name, record, at)
}

export function statxBatch(
  fd: number,
  names: Buffer,
  offsets: Uint32Array,
  first: number,
  count: number,
  records: Uint32Array,
): number {
  if (fd < FIRST) return inode.statxBatch(fd, names, offsets, first, count, records)
  const { volume, base } = of(fd)
  return volume.statBatch(fd - base, names, offsets, first, count, records)
}

export function readlinkat(
  fd: number,
  name: string,
  buffer: Uint8Array,
  at: number,
): number {
  if (fd < FIRST) return inode.readlinkat(fd, name, buffer, at)
  const { volume, base } = of(fd)
  return volume.readlink(fd - base, name, buffer, at)
}

export function getxattrat(
  fd: number,
  name: string,
  attribute: string,
  value: Uint8Array,
): number {
  if (fd < FIRST) return attributes.getxattrat(fd, name, attribute, value)
  const { volume, base } = of(fd)
  return volume.getxattr(fd - base, name, attribute, value)
}

export function listxattrat(fd: number, name: string, list: Uint8Array): number {
  if (fd < FIRST) return attributes.listxattrat(fd, name, list)
  const { volume, base } = of(fd)
  return volume.listxattr(fd - base, name, list)
}

export function xattrPrefixBatch(
  fd: number,
  names: Buffer,
  offsets: Uint32Array,
  first: number,
  count: number,
  prefix: string,
  marks: Uint8Array,
): number {
  if (fd < FIRST)
    return attributes.xattrPrefixBatch(fd, names, offsets, first, count, prefix, marks)
  const { volume, base } = of(fd)
  return volume.prefixBatch(fd - base, names, offsets, first, count, prefix, marks)
}

/** Of an archive directories alone, and whatever O_PATH names; see `contentsAt` for files. */
export function openat2(
  fd: number,
  name: string,
  flags: number,
  mode: number,
  resolve: number,
): number {
  if (fd < FIRST) return file.openat2(fd, name, flags, mode, resolve)
  const { volume, base } = of(fd)
  const opened = volume.open(fd - base, name, flags)
  return opened < 0 ? opened : base + opened
}

export function close(fd: number): number {
  return fd < FIRST ? file.close(fd) : 0
}

/** Visits the names of an archive's directory. 0 or -errno. */
export function readArchived(
  fd: number,
  visit: Parameters<ArchiveVolume['list']>[1],
): number {
  const { volume, base } = of(fd)
  return volume.list(fd - base, visit)
}

export function fstatfs(fd: number, out: Uint32Array): number {
  return fd < FIRST ? file.fstatfs(fd, out) : file.fstatfs(of(fd).volume.anyFd, out)
}

export function ioctlBuffer(fd: number, request: number, buffer: Uint8Array): number {
  return fd < FIRST ? file.ioctlBuffer(fd, request, buffer) : -E.ENOTTY
}

export function getfsuuid(fd: number, uuid: Uint8Array): number {
  if (fd < FIRST) return handle.getfsuuid(fd, uuid)
  const own = of(fd).volume.uuid
  uuid.set(own)
  return own.length
}

export function name_to_handle_at(
  fd: number,
  name: string,
  into: Buffer,
  mountId: Int32Array,
  flags: number,
): number {
  if (fd < FIRST) return handle.name_to_handle_at(fd, name, into, mountId, flags)
  const { volume, base } = of(fd)
  return volume.handle(fd - base, name, into)
}

export function open_by_handle_at(mountFd: number, bytes: Buffer, flags: number): number {
  if (mountFd < FIRST) return handle.open_by_handle_at(mountFd, bytes, flags)
  const { volume, base } = of(mountFd)
  const opened = volume.openHandle(bytes)
  return opened < 0 ? opened : base + opened
}
