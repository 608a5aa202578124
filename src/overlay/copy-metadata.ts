// What belongs to an object besides its data, carried from a lower object to its copy: owner,
// mode, ACLs, extended attributes, times. The order matters: chown drops set-id bits and
// capabilities, an access ACL and chmod change each other (ovl_copy_up_metadata).
import { E } from '../errno/errno.js'
import { encodeHandle } from '../layer/file-handle.js'
import type { Layer } from '../layer/layer.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import { storesNames, writeOverride } from '../layer/owner-override.js'
import { encodePathOrigin } from '../layer/path-origin.js'
import { AT_SYMLINK_NOFOLLOW, S_IFDIR, S_IFLNK, S_IFREG } from '../sys/constants.js'
import { fchmodat, fchownat, utimensat } from '../sys/inode.js'
import { FS_IOC_GETFLAGS, FS_IOC_SETFLAGS } from './inode-flags.js'
import { getxattrat, ioctlBuffer, listxattrat } from '../layer/object-calls.js'
import { ST, statSeconds, statType } from '../sys/stat.js'
import { setxattrat } from '../sys/xattr.js'
import type { Union } from './union.js'

const CAPABILITY = 'security.capability'
const list = Buffer.alloc(65_536)
const value = Buffer.alloc(65_536)

/** A name below a directory descriptor. */
export interface At {
  readonly fd: number
  readonly name: string
}

/**
 * Carries everything but the data and `origin` from an object of `layer`, whose record is
 * `record`. 0 or -errno.
 */
export function copyMetadata(
  u: Union,
  layer: Layer,
  from: At,
  to: At,
  record: Uint32Array,
): number {
  let error = copyOwnership(u, to, record)
  if (error >= 0) error = copyXattrs(u, layer, from, to)
  return error < 0 ? error : copyTimes(to, record)
}

/** Owner and mode, on the inode or in the attribute that stands for it. */
function copyOwnership(u: Union, to: At, record: Uint32Array): number {
  const isLink = statType(record) === S_IFLNK
  const override = u.upperOverride
  if (override !== null)
    return isLink ? 0 : writeOverride(override, to.fd, to.name, record)
  const uid = record[ST.uid] ?? 0
  const gid = record[ST.gid] ?? 0
  const error = fchownat(to.fd, to.name, uid, gid, AT_SYMLINK_NOFOLLOW)
  if (error < 0 || isLink) return error
  return fchmodat(to.fd, to.name, (record[ST.mode] ?? 0) & 0o7777, 0)
}

/** Sets access and modification time of a record on an object (ovl_set_timestamps). */
export function copyTimes(to: At, record: Uint32Array): number {
  return utimensat(
    to.fd,
    to.name,
    statSeconds(record, ST.atime),
    record[ST.atimeNsec] ?? 0,
    statSeconds(record, ST.mtime),
    record[ST.mtimeNsec] ?? 0,
    AT_SYMLINK_NOFOLLOW,
  )
}

/** ovl_copy_xattr: all but our own, the capabilities last. 0 or -errno. */
function copyXattrs(u: Union, layer: Layer, from: At, to: At): number {
  const length = listxattrat(from.fd, from.name, list)
  if (length === -E.EOPNOTSUPP) return 0
  if (length <= 0) return length
  const names = list.latin1Slice(0, length - 1).split('\0')
  const last = names.indexOf(CAPABILITY)
  if (last >= 0) names.push(...names.splice(last, 1))
  const stores = storesNames(layer.override)
  const upperStores = storesNames(u.upperOverride)
  for (const name of names) {
    const carried = u.format.xattrs.carried(name, stores, upperStores)
    if (carried === null) continue
    const error = copyXattr(from, name, to, carried)
    if (error < 0) return error
  }
  return 0
}

function copyXattr(from: At, name: string, to: At, carried: string): number {
  const size = getxattrat(from.fd, from.name, name, value)
  if (size === -E.ENODATA) return 0
  if (size < 0) return size
  const error = setxattrat(to.fd, to.name, carried, value.subarray(0, size), 0)
  // ovl_must_copy_xattr: ACLs and security attributes, the rest where the upper can.
  if (error === -E.EOPNOTSUPP && !isRequired(carried)) return 0
  // Links and special files have no `user.` attributes to store another under.
  if (error === -E.EPERM && carried !== name && !isRequired(carried)) return 0
  return Math.min(error, 0)
}

function isRequired(name: string): boolean {
  return name.startsWith('system.posix_acl_') || name.startsWith('security.')
}

/**
 * ovl_set_origin: the lower object's handle; an empty value where it has none, and for one of
 * several names that part on copy-up, which may not keep one number. `record` is the lower's.
 */
export function setOrigin(
  u: Union,
  lower: LayerDirectory,
  lowerName: string,
  to: At,
  record: Uint32Array,
): number {
  if (u.format.pathOrigins) return setPathOrigin(u, lower, lowerName, to, record)
  if (!u.format.redirects) return 0
  const { layer } = lower
  const isDirectory = statType(record) === S_IFDIR
  const parts = !isDirectory && (record[ST.nlink] ?? 1) > 1 && u.stack.index === null
  const handle =
    layer.hasHandles && !parts
      ? encodeHandle(u.fd(lower), lowerName, layer.uuid, false)
      : -E.EOPNOTSUPP
  const bytes = typeof handle === 'number' ? new Uint8Array(0) : handle
  const error = setxattrat(to.fd, to.name, u.format.xattrs.origin, bytes, 0)
  // Links and special files have no `user.` attributes (ovl_set_origin_fh ignores EPERM too).
  return error === -E.EOPNOTSUPP || error === -E.EPERM ? 0 : Math.min(error, 0)
}

/**
 * fuse-overlayfs's set_fd_origin, for what it writes it on: regular files. One of several names,
 * which part on copy-up, gets none, or fuse-overlayfs would take the copies for one file.
 */
function setPathOrigin(
  u: Union,
  lower: LayerDirectory,
  lowerName: string,
  to: At,
  record: Uint32Array,
): number {
  if (statType(record) !== S_IFREG || (record[ST.nlink] ?? 1) > 1) return 0
  const above = lower.path()
  const value = encodePathOrigin(above === '' ? lowerName : `${above}/${lowerName}`)
  if (value === null) return 0
  const error = setxattrat(to.fd, to.name, u.format.xattrs.origin, value, 0)
  // A number that changes at the next mount is no reason to refuse the copy.
  return NO_ROOM.has(error) ? 0 : Math.min(error, 0)
}

const NO_ROOM: ReadonlySet<number> = new Set([
  -E.EOPNOTSUPP,
  -E.ENOSPC,
  -E.E2BIG,
  -E.ERANGE,
])

/** FS_SYNC_FL and FS_NOATIME_FL, what ovl_copy_fileattr carries over. */
const CARRIED_FL = 0x88
const flags = Buffer.alloc(8)

/** ovl_copy_fileattr, between two open descriptors; filesystems without flags have none. */
export function copyInodeFlags(from: number, to: number): number {
  if (ioctlBuffer(from, FS_IOC_GETFLAGS, flags) < 0) return 0
  const carried = flags.readUInt32LE(0) & CARRIED_FL
  if (carried === 0 || ioctlBuffer(to, FS_IOC_GETFLAGS, flags) < 0) return 0
  flags.writeUInt32LE((flags.readUInt32LE(0) | carried) >>> 0, 0)
  const error = ioctlBuffer(to, FS_IOC_SETFLAGS, flags)
  return error === -E.EOPNOTSUPP ? 0 : Math.min(error, 0)
}
