// The tar entry of an object on a disk: what a program in the container saw of it, with nothing of
// the overlay's own and nothing that the host added.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import type { LayerFormat } from '../../layer/format.js'
import { applyOverride, storesNames } from '../../layer/owner-override.js'
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
} from '../../sys/constants.js'
import { readlinkat } from '../../sys/inode.js'
import {
  majorOf,
  minorOf,
  ST,
  statMode,
  statNumber,
  statSeconds,
  statType,
} from '../../sys/stat.js'
import { getxattrat, listxattrat } from '../../sys/xattr.js'
import type { TarType } from '../../tar/entry.js'
import type { TarEntry } from '../../tar/writer.js'

/** An object where it lies. */
export interface DiskObject {
  readonly dirfd: number
  readonly name: string
  readonly record: Uint32Array
  /** The attribute in which its layer keeps owners; null where inodes have them. */
  readonly override: string | null
}

const TYPES: ReadonlyMap<number, TarType> = new Map([
  [S_IFREG, 'file'],
  [S_IFDIR, 'directory'],
  [S_IFLNK, 'symlink'],
  [S_IFCHR, 'char'],
  [S_IFBLK, 'block'],
  [S_IFIFO, 'fifo'],
])

const list = Buffer.alloc(65_536)
const value = Buffer.alloc(65_536)
const target = Buffer.alloc(4096)

/**
 * The entry of an object, of a tree that keeps nothing of its own where `format` is null; undefined for a socket, which an archive cannot hold and no program
 * misses: whoever listened on it is gone. Throws FsError.
 */
export function describeObject(
  object: DiskObject,
  path: string,
  format: LayerFormat | null,
): TarEntry | undefined {
  const { dirfd, name, override } = object
  const record = Uint32Array.from(object.record)
  if (override !== null) applyOverride(override, dirfd, name, record)
  const type = TYPES.get(statType(record))
  if (type === undefined) return undefined
  const isDevice = type === 'char' || type === 'block'
  const rdev = record[ST.rdev] ?? 0
  return {
    path: type === 'directory' ? `${path}/` : path,
    type,
    mode: statMode(record) & 0o7777,
    uid: record[ST.uid] ?? 0,
    gid: record[ST.gid] ?? 0,
    uname: '',
    gname: '',
    size: type === 'file' ? statNumber(record, ST.size) : 0,
    mtime: { sec: statSeconds(record, ST.mtime), nsec: record[ST.mtimeNsec] ?? 0 },
    linkname: type === 'symlink' ? linkOf(dirfd, name) : '',
    devmajor: isDevice ? majorOf(rdev) : 0,
    devminor: isDevice ? minorOf(rdev) : 0,
    xattrs: xattrsOf(object, format),
  }
}

function linkOf(dirfd: number, name: string): string {
  const length = readlinkat(dirfd, name, target, 0)
  if (length < 0) throw new FsError(length, 'readlink', name)
  return target.latin1Slice(0, length)
}

function xattrsOf(
  { dirfd, name, override }: DiskObject,
  format: LayerFormat | null,
): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>()
  const length = listxattrat(dirfd, name, list)
  if (length === -E.EOPNOTSUPP) return found
  if (length < 0) throw new FsError(length, 'listxattr', name)
  for (const stored of list.latin1Slice(0, length).split('\0')) {
    const attribute =
      stored === '' || stored === override
        ? null
        : format === null
          ? stored
          : format.xattrs.fromDisk(stored, storesNames(override))
    if (attribute === null) continue
    const size = getxattrat(dirfd, name, stored, value)
    if (size < 0) throw new FsError(size, 'getxattr', name)
    found.set(attribute, Uint8Array.from(value.subarray(0, size)))
  }
  return found
}
