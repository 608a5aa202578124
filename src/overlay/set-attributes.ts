// SETATTR: chmod, chown, truncate, utimens, and the stripping of set-id bits that the kernel
// leaves to us (ovl_setattr; FUSE_HANDLE_KILLPRIV_V2).
import { E } from '../errno/errno.js'
import { FATTR } from '../fuse/abi/flags.js'
import type { AttributeChange } from '../fuse/operations.js'
import type { Request } from '../fuse/request.js'
import { writeOverride } from '../layer/owner-override.js'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  CAP_FOWNER,
  CAP_FSETID,
  S_IFREG,
  UTIME_NOW,
  UTIME_OMIT,
} from '../sys/constants.js'
import { ftruncate, truncate as truncateFile } from '../sys/file.js'
import { fchmodat, fchownat, utimensat } from '../sys/inode.js'
import { groupsOf, hasCapability } from '../sys/proc-status.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { readRecord } from './attributes.js'
import { copyUp, copyUpMetadata } from './copy-up.js'
import { locateUpper } from './locate.js'
import type { Node } from './node.js'
import { FS_APPEND_FL, FS_IMMUTABLE_FL } from './protection.js'
import type { Union } from './union.js'

const S_ISUID = 0o4000
const S_ISGID = 0o2000
const S_IXGRP = 0o010
const ANY_TIME = FATTR.ATIME | FATTR.MTIME
const SET_TIME = FATTR.ATIME_NOW | FATTR.MTIME_NOW

const record = new Uint32Array(STAT_WORDS)

/** Changes attributes. 0, PENDING or -errno. */
export function setAttributes(
  u: Union,
  req: Request,
  node: Node,
  change: AttributeChange,
): number {
  const { valid } = change
  const refused = mayChangeAttributes(node, valid)
  if (refused < 0) return refused
  if (setsNothing(valid)) {
    const kept = mayDropSetIds(u, req, node)
    if (kept < 0) return kept
  }
  const truncates = (valid & FATTR.SIZE) !== 0
  if (truncates && change.size > Number.MAX_SAFE_INTEGER) return -E.EFBIG
  if (truncates && u.files.isBusyProgram(node)) return -E.ETXTBSY
  const ready = truncates
    ? copyUp(u, node, req, change.size)
    : copyUpMetadata(u, node, req)
  if (ready !== 0) return ready
  if (truncates) {
    const error = truncate(u, req, node, change)
    if (error < 0) return error
  }
  const error = changeOwnerAndMode(u, req, node, change)
  if (error < 0) return error
  if ((valid & ANY_TIME) !== 0) return changeTimes(u, node, change)
  return setsNothing(valid) ? changeNothing(u, req, node) : 0
}

/** may_setattr of fs/attr.c, for the flags that the overlay emulates. */
function mayChangeAttributes(node: Node, valid: number): number {
  const { protection } = node
  if (protection === 0) return 0
  const isImmutable = (protection & FS_IMMUTABLE_FL) !== 0
  if ((valid & (FATTR.MODE | FATTR.UID | FATTR.GID)) !== 0) return -E.EPERM
  // Who has it open for writing may cut what has become immutable (do_sys_ftruncate).
  if ((valid & FATTR.SIZE) !== 0) {
    const isOpen = (valid & FATTR.FH) !== 0
    return isOpen && (protection & FS_APPEND_FL) === 0 ? 0 : -E.EPERM
  }
  if ((valid & ANY_TIME) === 0) return 0
  const touches = (valid & SET_TIME) === SET_TIME
  return touches && !isImmutable ? 0 : -E.EPERM
}

function setsNothing(valid: number): boolean {
  return (valid & ~(FATTR.FH | FATTR.LOCKOWNER | FATTR.KILL_SUIDGID | FATTR.CTIME)) === 0
}

/**
 * A SETATTR without any field is a chown(2) that names no owner, or comes before a write that
 * takes privileges away (chown_common, file_remove_privs; fuse_setattr hides what they want).
 * Both do the same to files of those who lack CAP_FSETID; of the others a write takes file
 * capabilities alone, which a REMOVEXATTR just before has done.
 */
function changeNothing(u: Union, req: Request, node: Node): number {
  const isWrite = node.lostCapability && node.writers > 0
  node.lostCapability = false
  const strips = losesSetIds(req)
  if (isWrite && !strips) return 0
  const error = changeOwner(u, node, -1, -1)
  if (error < 0) return error
  return strips && !node.isDirectory ? stripSetIds(u, req, node) : 0
}

/**
 * notify_change: a chown that takes set-id bits away is a change of mode, which is the owner's;
 * a write takes them away whoever writes. 0 or -EPERM.
 */
function mayDropSetIds(u: Union, req: Request, node: Node): number {
  if (node.isDirectory || node.writers > 0) return 0
  const error = readRecord(u, node, record)
  if (error < 0) return error
  const mode = (record[ST.mode] ?? 0) & 0o7777
  const drops =
    (mode & S_ISUID) !== 0 ||
    ((mode & S_ISGID) !== 0 && !keepsSgid(req, mode, record[ST.gid] ?? 0))
  if (!drops || record[ST.uid] === req.uid) return 0
  return hasCapability(req.pid, CAP_FOWNER) ? 0 : -E.EPERM
}

function truncate(u: Union, req: Request, node: Node, change: AttributeChange): number {
  if (node.type !== S_IFREG) return node.isDirectory ? -E.EISDIR : -E.EINVAL
  const fd = u.files.dataFd(node, true)
  if (fd < 0) return fd
  // truncate(2) names no open file; the disk tells the two calls apart by the times.
  const error =
    (change.valid & FATTR.FH) !== 0
      ? ftruncate(fd, change.size)
      : truncateFile(`/proc/self/fd/${fd}`, change.size)
  if (error < 0) return error
  return (change.valid & FATTR.KILL_SUIDGID) !== 0 ? stripSetIds(u, req, node) : 0
}

function changeOwnerAndMode(
  u: Union,
  req: Request,
  node: Node,
  change: AttributeChange,
): number {
  const { valid } = change
  const uid = (valid & FATTR.UID) !== 0 ? u.ids.diskUid(change.uid) : -1
  const gid = (valid & FATTR.GID) !== 0 ? u.ids.diskGid(change.gid) : -1
  if ((uid < 0 && (valid & FATTR.UID) !== 0) || (gid < 0 && (valid & FATTR.GID) !== 0))
    return -E.EINVAL
  if ((valid & (FATTR.UID | FATTR.GID)) !== 0) {
    const error = changeOwnerFor(u, req, node, uid, gid)
    if (error < 0) return error
  }
  return (valid & FATTR.MODE) === 0 ? 0 : changeMode(u, node, change.mode & 0o7777)
}

/**
 * A chown for a caller. The disk sees our capabilities and would let S_ISGID of a file be that its
 * group may not execute; who is not in the file's group loses it (chown_common,
 * setattr_should_drop_sgid).
 */
function changeOwnerFor(
  u: Union,
  req: Request,
  node: Node,
  uid: number,
  gid: number,
): number {
  const known = readRecord(u, node, record)
  if (known < 0) return known
  const mode = (record[ST.mode] ?? 0) & 0o7777
  const drops =
    !node.isDirectory &&
    (mode & (S_ISGID | S_IXGRP)) === S_ISGID &&
    !isInGroup(req, record[ST.gid] ?? 0) &&
    losesSetIds(req)
  const error = changeOwner(u, node, uid, gid)
  if (error < 0 || !drops) return error
  return changeMode(u, node, mode & ~(S_ISUID | S_ISGID))
}

/** chown of a node that is in the upper; -1 leaves an id alone. */
function changeOwner(u: Union, node: Node, uid: number, gid: number): number {
  if (u.upperOverride !== null) {
    return rewriteOverride(u, node, r => {
      if (uid >= 0) r[ST.uid] = uid
      if (gid >= 0) r[ST.gid] = gid
      if (!node.isDirectory) r[ST.mode] = withoutSetIds(r[ST.mode] ?? 0)
    })
  }
  const at = locateUpper(u, node)
  const flags = at.name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
  return fchownat(at.fd, at.name, uid, gid, flags)
}

/** chmod of a node that is in the upper. */
export function changeMode(u: Union, node: Node, mode: number): number {
  if (u.upperOverride !== null) {
    return rewriteOverride(u, node, r => {
      r[ST.mode] = ((r[ST.mode] ?? 0) & ~0o7777) | mode
    })
  }
  const at = locateUpper(u, node)
  return fchmodat(at.fd, at.name, mode, at.name === '' ? AT_EMPTY_PATH : 0)
}

/** Changes what the owner attribute of an upper object says. */
function rewriteOverride(u: Union, node: Node, change: (r: Uint32Array) => void): number {
  const override = u.upperOverride
  const error = readRecord(u, node, record)
  if (error < 0 || override === null) return error
  change(record)
  const at = locateUpper(u, node)
  return writeOverride(override, at.fd, at.name, record)
}

/** chown_common: set-id bits of what is no directory go with the owner. */
function withoutSetIds(mode: number): number {
  return (mode & S_IXGRP) !== 0 ? mode & ~(S_ISUID | S_ISGID) : mode & ~S_ISUID
}

function changeTimes(u: Union, node: Node, change: AttributeChange): number {
  const { valid } = change
  const at = locateUpper(u, node)
  const atime =
    (valid & FATTR.ATIME) === 0
      ? UTIME_OMIT
      : (valid & FATTR.ATIME_NOW) !== 0
        ? UTIME_NOW
        : change.atimeNsec
  const mtime =
    (valid & FATTR.MTIME) === 0
      ? UTIME_OMIT
      : (valid & FATTR.MTIME_NOW) !== 0
        ? UTIME_NOW
        : change.mtimeNsec
  const flags = at.name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
  return utimensat(at.fd, at.name, change.atime, atime, change.mtime, mtime, flags)
}

/**
 * Clears S_ISUID, and S_ISGID of files that the group may execute or whose group the caller is
 * not in (setattr_should_drop_suidgid).
 */
export function stripSetIds(u: Union, req: Request, node: Node): number {
  const error = readRecord(u, node, record)
  if (error < 0) return error
  const mode = (record[ST.mode] ?? 0) & 0o7777
  const dropsSgid = (mode & S_ISGID) !== 0 && !keepsSgid(req, mode, record[ST.gid] ?? 0)
  const keep = mode & ~(dropsSgid ? S_ISUID | S_ISGID : S_ISUID)
  return keep === mode ? 0 : changeMode(u, node, keep)
}

/** setattr_should_drop_sgid; in_group_or_capable, where the kernel has ruled CAP_FSETID out. */
function keepsSgid(req: Request, mode: number, gid: number): boolean {
  return (mode & S_IXGRP) === 0 && isInGroup(req, gid)
}

/** in_group_p, for the caller of a request. */
export function isInGroup(req: Request, gid: number): boolean {
  return req.gid === gid || (groupsOf(req.pid)?.has(gid) ?? false)
}

/** Whether a write of the caller takes set-id bits away: it lacks CAP_FSETID. */
export function losesSetIds(req: Request): boolean {
  return !hasCapability(req.pid, CAP_FSETID)
}
