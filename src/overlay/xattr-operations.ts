// Extended attributes as a user sees them: the topmost object's, without the overlay's own and
// with those of nested overlays unescaped (fs/overlayfs/xattrs.c).
import { E } from '../errno/errno.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import { fuse_out_header } from '../fuse/abi/structs.js'
import { storesNames } from '../layer/owner-override.js'
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { getxattrat, listxattrat, statx } from '../layer/object-calls.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { removexattrat, setxattrat } from '../sys/xattr.js'
import { topOverride } from './attributes.js'
import { copyUpMetadata } from './copy-up.js'
import { locate, locateUpper } from './locate.js'
import type { Node } from './node.js'
import { mayChange } from './protection.js'
import { changeMode, isInGroup, losesSetIds } from './set-attributes.js'
import type { Union } from './union.js'

const HEAD = fuse_out_header.size
const S_ISGID = 0o2000
const ACLS = 'system.posix_acl_'
const ACCESS_ACL = `${ACLS}access`
const CAPABILITY = 'security.capability'
const list = Buffer.alloc(65_536)
const nothing = new Uint8Array(0)
const record = new Uint32Array(STAT_WORDS)

/** The name on a layer with this owner attribute, or the errno for names out of reach. */
function diskName(u: Union, override: string | null, name: string): string | number {
  if (u.options.noXattrs && name.startsWith('user.')) return -E.EOPNOTSUPP
  if (u.options.noAcl && name.startsWith(ACLS)) return -E.EOPNOTSUPP
  return u.format.xattrs.toDisk(name, storesNames(override)) ?? -E.ENODATA
}

/** GETXATTR; `size` 0 asks for the length alone. */
export function getAttribute(
  u: Union,
  reply: Reply,
  node: Node,
  name: string,
  size: number,
): number {
  const disk = diskName(u, topOverride(u, node), name)
  if (typeof disk === 'number') return disk
  const at = locate(u, node)
  if (size === 0) {
    const length = getxattrat(at.fd, at.name, disk, nothing)
    if (length < 0) return absent(disk, length)
    reply.appendWords(length, 0)
    return 0
  }
  const length = getxattrat(at.fd, at.name, disk, reply.bytes.subarray(HEAD, HEAD + size))
  if (length < 0) return absent(disk, length)
  reply.length = HEAD + length
  return 0
}

/**
 * A layer whose filesystem keeps no ACLs has none (ovl_get_inode_acl): any other answer than
 * ENODATA makes the kernel's permission check fail with it (fuse_get_inode_acl).
 */
function absent(disk: string, error: number): number {
  return error === -E.EOPNOTSUPP && disk.startsWith(ACLS) ? -E.ENODATA : error
}

/** LISTXATTR. `trusted.` names are for root, as simple_xattr_list and ext4 have it. */
export function listAttributes(
  u: Union,
  req: Request,
  reply: Reply,
  node: Node,
  size: number,
): number {
  const at = locate(u, node)
  const length = listxattrat(at.fd, at.name, list)
  if (length < 0) return length
  const override = topOverride(u, node)
  const stores = storesNames(override)
  let shown = ''
  if (length > 0)
    for (const disk of list.latin1Slice(0, length - 1).split('\0')) {
      const name = u.format.xattrs.fromDisk(disk, stores)
      if (name === null || (req.uid !== 0 && name.startsWith('trusted.'))) continue
      if (typeof diskName(u, override, name) === 'number') continue
      shown += `${name}\0`
    }
  if (size === 0) {
    reply.appendWords(shown.length, 0)
    return 0
  }
  if (shown.length > size) return -E.ERANGE
  return reply.append(Buffer.from(shown, 'latin1'))
}

export function setAttribute(
  u: Union,
  req: Request,
  node: Node,
  name: string,
  value: Uint8Array,
  flags: number,
  killSgid: boolean,
): number {
  const disk = diskName(u, u.upperOverride, name)
  if (typeof disk === 'number') return disk === -E.ENODATA ? -E.EPERM : disk
  const ready = prepare(u, req, node)
  if (ready !== 0) return ready
  const at = locateUpper(u, node)
  const error = setxattrat(at.fd, at.name, disk, value, flags)
  if (error < 0) return error
  // The kernel says it of default ACLs too, which have nothing to do with the mode (fuse_set_acl).
  if (name !== ACCESS_ACL) return 0
  if (u.kernelSaysKill) return killSgid ? dropSgid(u, node) : 0
  return losesSetIds(req) ? dropSgid(u, node, req) : 0
}

export function removeAttribute(
  u: Union,
  req: Request,
  node: Node,
  name: string,
): number {
  const disk = diskName(u, topOverride(u, node), name)
  if (typeof disk === 'number') return disk
  const refused = mayChange(node)
  if (refused < 0 && !isOfWrite(node, name)) return refused
  // Nothing is copied up for an attribute that is not there (ovl_xattr_set).
  const at = locate(u, node)
  const present = getxattrat(at.fd, at.name, disk, nothing)
  // An ACL that is not there is removed with success (vfs_remove_acl of the disks' own).
  if (present === -E.ENODATA && disk.startsWith('system.posix_acl_')) return 0
  if (present < 0) return refused < 0 ? refused : present
  const ready = copyUpMetadata(u, node, req)
  if (ready !== 0) return ready
  const upper = locateUpper(u, node)
  const upperName = diskName(u, u.upperOverride, name)
  if (typeof upperName === 'number') return upperName
  const removed = Math.min(removexattrat(upper.fd, upper.name, upperName), 0)
  if (removed === 0 && name === CAPABILITY) node.lostCapability = true
  return removed
}

/**
 * A write takes file capabilities away from what has become append-only or immutable since it was
 * opened too (cap_inode_killpriv asks for no permission); the kernel sends it as any removal.
 */
function isOfWrite(node: Node, name: string): boolean {
  return name === CAPABILITY && node.writers > 0
}

function prepare(u: Union, req: Request, node: Node): number {
  const refused = mayChange(node)
  return refused < 0 ? refused : copyUpMetadata(u, node, req)
}

/**
 * posix_acl_update_mode: the caller is not in the file's group. The kernel has seen to that when
 * it says SETXATTR_ACL_KILL_SGID; otherwise `req` tells.
 */
function dropSgid(u: Union, node: Node, req?: Request): number {
  const at = locateUpper(u, node)
  const flags = at.name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
  const error = statx(at.fd, at.name, flags, record, 0)
  if (error < 0) return error
  const mode = (record[ST.mode] ?? 0) & 0o7777
  if ((mode & S_ISGID) === 0) return 0
  if (req !== undefined && isInGroup(req, record[ST.gid] ?? 0)) return 0
  return changeMode(u, node, mode & ~S_ISGID)
}
