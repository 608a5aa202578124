// Open files: opening, and everything that goes to an open file's data. Data itself never
// passes through here: the kernel reads past us, or the channel moves it.
import { E } from '../errno/errno.js'
import { OPEN_KILL_SUIDGID, WRITE_CACHE, WRITE_KILL_SUIDGID } from '../fuse/abi/flags.js'
import { type Completion, PENDING } from '../fuse/operations.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import {
  O_ACCMODE,
  O_APPEND,
  O_RDONLY,
  O_TRUNC,
  SEEK_DATA,
  SEEK_HOLE,
} from '../sys/constants.js'
import { close, ftruncate, lseek } from '../sys/file.js'
import { archivedData, readArchived } from './archived-data.js'
import { copyUp } from './copy-up.js'
import { locateUpper, openObject } from './locate.js'
import type { Directory, Node } from './node.js'
import { FS_APPEND_FL, FS_IMMUTABLE_FL, mayAllocate, mayCopyInto } from './protection.js'
import { losesSetIds, stripSetIds } from './set-attributes.js'
import type { Union } from './union.js'
import { writeBack } from './written-back.js'

/**
 * Offsets are exact as numbers up to here (8 PiB), beyond what ext4 takes (16 TiB) and less than
 * what the protocol could say: files end there, with the errnos of a file too large.
 */
export const MAX_FILE_OFFSET = Number.MAX_SAFE_INTEGER

/** OPEN. 0, PENDING or -errno. */
export function openFile(
  u: Union,
  req: Request,
  reply: Reply,
  node: Node,
  flags: number,
  openFlags: number,
): number {
  const access = flags & O_ACCMODE
  const truncates = (flags & O_TRUNC) !== 0
  const writes = access !== O_RDONLY || truncates
  if (writes) {
    const refused = mayWrite(u, node, flags)
    if (refused < 0) return refused
    const ready = copyUp(u, node, req, truncates ? 0 : Infinity)
    if (ready !== 0) return ready
  }
  if (truncates) {
    const fd = u.files.dataFd(node, true)
    const error = fd < 0 ? fd : ftruncate(fd, 0)
    if (error < 0) return error
    // Before HANDLE_KILLPRIV_V2 the kernel says nothing when an open truncates.
    const kill = u.kernelSaysKill
      ? (openFlags & OPEN_KILL_SUIDGID) !== 0
      : losesSetIds(req)
    if (kill) {
      const stripped = stripSetIds(u, req, node)
      if (stripped < 0) return stripped
    }
  }
  const mappable = node.mappedBelow
  const fh = u.files.openNode(node, access)
  if (fh < 0) return fh
  if (node.mappedBelow && !mappable) {
    // Attributes that the kernel holds for ever may change by a shared mapping from now on.
    u.channel.invalidateAttributes(node.id)
  }
  const answer = u.files.answerFor(node)
  reply.open(fh, answer.flags, answer.backingId)
  return 0
}

/** may_open of fs/namei.c, for the flags that the overlay emulates; get_write_access. */
function mayWrite(u: Union, node: Node, flags: number): number {
  if (u.files.isBusyProgram(node)) return -E.ETXTBSY
  if (node.protection === 0) return 0
  if ((node.protection & FS_IMMUTABLE_FL) !== 0) return -E.EPERM
  const appends = (flags & O_APPEND) !== 0 && (flags & O_TRUNC) === 0
  return (node.protection & FS_APPEND_FL) !== 0 && !appends ? -E.EPERM : 0
}

/** READ without passthrough. */
export function readFile(
  u: Union,
  req: Request,
  reply: Reply,
  node: Node,
  offset: number,
  size: number,
): number {
  const archived = archivedData(u, node)
  if (archived !== null) return readArchived(u, req, reply, archived, offset, size)
  const fd = u.files.dataFd(node, false)
  if (fd < 0) return fd
  return u.channel.sendFile(req, fd, offset, size, hold(node))
}

/** WRITE without passthrough. The file is in the upper: it was opened for writing. */
export function writeFile(
  u: Union,
  req: Request,
  reply: Reply,
  node: Node,
  offset: number,
  size: number,
  at: number,
  flags: number,
): number {
  const ready = copyUp(u, node, req)
  if (ready !== 0) return ready
  if ((flags & WRITE_KILL_SUIDGID) !== 0) {
    const error = stripSetIds(u, req, node)
    if (error < 0) return error
  }
  const fd = u.files.dataFd(node, true)
  if (fd < 0) return fd
  if ((flags & WRITE_CACHE) !== 0) {
    const result = writeBack(u, req, reply, node, fd, offset, size, at)
    if (result !== null) return result
  }
  return u.channel.receiveFile(req, fd, offset, at, size, hold(node))
}

/** Keeps a node's descriptor from eviction until the pool is through with it. */
function hold(node: Node): Completion {
  const file = node.file
  if (file === null) return nothing
  file.busy++
  return file
}

const nothing: Completion = { complete: () => undefined }

/** FSYNC: only an upper file can have anything to write (ovl_fsync). */
export function syncFile(u: Union, req: Request, node: Node, dataOnly: boolean): number {
  if (u.options.sync === 'none' || u.options.sync === 'volatile' || !node.hasUpper)
    return 0
  if (node.dataDir !== null) return syncMetacopy(u, req, node, dataOnly)
  const fd = u.files.dataFd(node, false)
  if (fd < 0) return fd
  return u.channel.syncFile(req, fd, dataOnly, hold(node))
}

/** Its data is in a lower, which never changes: what has changed is the upper's own inode. */
function syncMetacopy(u: Union, req: Request, node: Node, dataOnly: boolean): number {
  const fd = openObject(locateUpper(u, node), O_RDONLY)
  if (fd < 0) return fd
  return u.channel.syncFile(req, fd, dataOnly, { complete: () => close(fd) })
}

/** FSYNCDIR. */
export function syncDirectory(
  u: Union,
  req: Request,
  node: Node & { dir: Directory },
  dataOnly: boolean,
): number {
  const { upper } = node.dir
  if (u.options.sync === 'none' || u.options.sync === 'volatile') return 0
  if (upper === null || node.dir.removed) return 0
  const fd = upper.open(u.directoryFds)
  if (fd < 0) return fd
  upper.busy++
  return u.channel.syncFile(req, fd, dataOnly, {
    complete: () => {
      upper.busy--
    },
  })
}

export function allocate(
  u: Union,
  req: Request,
  node: Node,
  mode: number,
  offset: number,
  length: number,
): number {
  const refused = mayAllocate(node, mode)
  if (refused < 0) return refused
  if (offset + length > MAX_FILE_OFFSET) return -E.EFBIG
  const ready = copyUp(u, node, req)
  if (ready !== 0) return ready
  const fd = u.files.dataFd(node, true)
  if (fd < 0) return fd
  return u.channel.allocateFile(req, fd, mode, offset, length, hold(node))
}

/** LSEEK: the kernel asks for SEEK_DATA and SEEK_HOLE only. */
export function seek(
  u: Union,
  reply: Reply,
  node: Node,
  offset: number,
  whence: number,
): number {
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) return -E.EINVAL
  if (offset > MAX_FILE_OFFSET) return -E.ENXIO
  const archived = archivedData(u, node)
  const fd = archived === null ? u.files.dataFd(node, false) : 0
  if (fd < 0) return fd
  const found =
    archived === null
      ? lseek(fd, offset, whence)
      : archived.seek(offset, whence === SEEK_DATA)
  if (found < 0) return found
  reply.appendWords(found, found / 0x1_0000_0000)
  return 0
}

export function copyFileRange(
  u: Union,
  req: Request,
  from: Node,
  offIn: number,
  to: Node,
  offOut: number,
  length: number,
  wide: boolean,
): number {
  const refused = mayCopyInto(to)
  if (refused < 0) return refused
  const room = MAX_FILE_OFFSET - Math.max(offIn, offOut)
  if (room < 0) return -E.EFBIG
  const ready = copyUp(u, to, req)
  if (ready !== 0) return ready
  // The kernel then copies by reading and writing (fuse_copy_file_range).
  if (archivedData(u, from) !== null) return -E.EXDEV
  const fdOut = u.files.dataFd(to, true)
  if (fdOut < 0) return fdOut
  const fdIn = u.files.dataFd(from, false)
  if (fdIn < 0) return fdIn
  const one = hold(from)
  const other = hold(to)
  const bytes = Math.min(length, room)
  u.channel.copyRange(req, fdIn, offIn, fdOut, offOut, bytes, wide, {
    complete: result => {
      one.complete(result)
      other.complete(result)
    },
  })
  return PENDING
}
