// What a new object takes from its directory when it is made elsewhere: group and set-group-id
// bit, default ACL or umask (inode_init_owner, posix_acl_create). An object made in its own
// directory gets all that from the disk's filesystem.
import { E } from '../errno/errno.js'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '../sys/constants.js'
import { fchmodat, fchownat, statx } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { getxattrat, setxattrat } from '../sys/xattr.js'
import type { At } from './copy-metadata.js'
import type { NewObject } from './creation.js'
import type { Node } from './node.js'
import { type Union, upperOf } from './union.js'

const ACCESS = 'system.posix_acl_access'
const DEFAULT = 'system.posix_acl_default'
const S_ISGID = 0o2000

/** struct posix_acl_xattr_header: version 2; entries of tag u16, permissions u16, id u32. */
const ACL_HEADER = 4
const ACL_ENTRY = 8
const TAG = { USER_OBJ: 1, GROUP_OBJ: 4, MASK: 16, OTHER: 32 } as const

const stat = new Uint32Array(STAT_WORDS)
const buffer = Buffer.alloc(65_536)

/** Gives a temporary what its future parent hands down. 0 or -errno. */
export function inheritAcl(u: Union, parent: Node, to: At, what: NewObject): number {
  const fd = u.fd(upperOf(parent))
  let error = statx(fd, '', AT_EMPTY_PATH, stat, 0)
  if (error < 0) return error
  const isDirectory = (what.mode & S_IFMT) === S_IFDIR
  const inheritsGroup = ((stat[ST.mode] ?? 0) & S_ISGID) !== 0
  if (inheritsGroup) {
    error = fchownat(to.fd, to.name, -1, stat[ST.gid] ?? 0, AT_SYMLINK_NOFOLLOW)
    if (error < 0) return error
  }
  if ((what.mode & S_IFMT) === S_IFLNK) return 0
  let mode = what.mode & 0o7777
  if (inheritsGroup && isDirectory) mode |= S_ISGID
  const length = u.options.noAcl ? -E.ENODATA : getxattrat(fd, '', DEFAULT, buffer)
  if (length <= ACL_HEADER) return fchmodat(to.fd, to.name, mode & ~what.umask, 0)
  return applyDefault(to, buffer.subarray(0, length), mode, isDirectory)
}

/** The default ACL becomes the object's own, narrowed by the mode asked for. */
function applyDefault(to: At, acl: Buffer, mode: number, isDirectory: boolean): number {
  const inherited = Buffer.from(acl)
  const access = Buffer.from(acl)
  const permissions = narrow(access, mode)
  let error = fchmodat(to.fd, to.name, (mode & 0o7000) | permissions, 0)
  if (error >= 0 && access.length > ACL_HEADER + 3 * ACL_ENTRY)
    error = setxattrat(to.fd, to.name, ACCESS, access, 0)
  if (error >= 0 && isDirectory) error = setxattrat(to.fd, to.name, DEFAULT, inherited, 0)
  return Math.min(error, 0)
}

/** posix_acl_create_masq: ands the mode's classes into the ACL; returns the resulting mode. */
function narrow(acl: Buffer, mode: number): number {
  let groupAt = -1
  let maskAt = -1
  let owner = (mode >>> 6) & 7
  let other = mode & 7
  for (let at = ACL_HEADER; at + ACL_ENTRY <= acl.length; at += ACL_ENTRY) {
    const tag = acl.readUInt16LE(at)
    const permission = acl.readUInt16LE(at + 2)
    if (tag === TAG.USER_OBJ) acl.writeUInt16LE((owner &= permission), at + 2)
    else if (tag === TAG.OTHER) acl.writeUInt16LE((other &= permission), at + 2)
    else if (tag === TAG.GROUP_OBJ) groupAt = at
    else if (tag === TAG.MASK) maskAt = at
  }
  const at = maskAt >= 0 ? maskAt : groupAt
  let group = (mode >>> 3) & 7
  if (at >= 0) acl.writeUInt16LE((group &= acl.readUInt16LE(at + 2)), at + 2)
  return (owner << 6) | (group << 3) | other
}
