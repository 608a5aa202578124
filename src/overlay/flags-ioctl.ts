// The inode-flag ioctls (chattr, lsattr, project ids): FS_IOC_GETFLAGS and its kin act on the
// real file; append-only and immutable are kept by the overlay (ovl_fileattr_get, _set).
import { E } from '../errno/errno.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import { O_NONBLOCK, O_RDONLY, S_IFDIR, S_IFREG } from '../sys/constants.js'
import { close, ioctlBuffer } from '../sys/file.js'
import { copyUp } from './copy-up.js'
import {
  FS_IOC_FSGETXATTR,
  FS_IOC_FSSETXATTR,
  FS_IOC_GETFLAGS,
  FS_IOC_SETFLAGS,
} from './inode-flags.js'
import { locate, locateUpper, openObject } from './locate.js'
import type { Node } from './node.js'
import {
  FS_APPEND_FL,
  FS_IMMUTABLE_FL,
  FS_PROTECTED_FL,
  storeProtection,
} from './protection.js'
import type { Union } from './union.js'

/** FS_COMMON_FL of include/linux/fileattr.h. */
const FS_COMMON_FL = 0x2200_00f8

/** fsx_xflags of struct fsxattr, 28 bytes. */
const FSXATTR_SIZE = 28
const FS_XFLAG_IMMUTABLE = 0x8
const FS_XFLAG_APPEND = 0x10

/** Whether an ioctl is one of these. */
export function isFlagsIoctl(command: number): boolean {
  return (
    command === FS_IOC_GETFLAGS ||
    command === FS_IOC_SETFLAGS ||
    command === FS_IOC_FSGETXATTR ||
    command === FS_IOC_FSSETXATTR
  )
}

/** 0, PENDING or -errno; ENOTTY for what is neither file nor directory. */
export function flagsIoctl(
  u: Union,
  req: Request,
  reply: Reply,
  node: Node,
  command: number,
  input: Uint8Array,
): number {
  if (node.type !== S_IFREG && node.type !== S_IFDIR) return -E.ENOTTY
  if (command === FS_IOC_GETFLAGS || command === FS_IOC_FSGETXATTR)
    return read(u, reply, node, command)
  return write(u, req, reply, node, command, Buffer.from(input))
}

function read(u: Union, reply: Reply, node: Node, command: number): number {
  const buffer = Buffer.alloc(command === FS_IOC_GETFLAGS ? 8 : FSXATTR_SIZE)
  const error = withFd(u, node, false, fd => ioctlBuffer(fd, command, buffer))
  if (error < 0) return error
  const flags = buffer.readUInt32LE(0)
  if (command === FS_IOC_GETFLAGS) {
    buffer.writeUInt32LE(((flags & ~FS_PROTECTED_FL) | node.protection) >>> 0, 0)
    return answer(reply, buffer.subarray(0, 4))
  }
  buffer.writeUInt32LE(((flags & ~X_PROTECTED) | toXflags(node.protection)) >>> 0, 0)
  return answer(reply, buffer)
}

function write(
  u: Union,
  req: Request,
  reply: Reply,
  node: Node,
  command: number,
  value: Buffer,
): number {
  const isFlags = command === FS_IOC_SETFLAGS
  if (value.length < (isFlags ? 4 : FSXATTR_SIZE)) return -E.EINVAL
  const ready = copyUp(u, node, req)
  if (ready !== 0) return ready
  const wanted = value.readUInt32LE(0)
  const buffer = Buffer.alloc(isFlags ? 8 : FSXATTR_SIZE)
  value.copy(buffer)
  buffer.writeUInt32LE((wanted & ~(isFlags ? FS_PROTECTED_FL : X_PROTECTED)) >>> 0, 0)
  const error = withFd(u, node, true, fd => setFlags(fd, command, buffer))
  if (error < 0) return error
  const stored = storeProtection(u, node, isFlags ? wanted : fromXflags(wanted))
  if (stored < 0) return stored
  // The kernel keeps attributes over an ioctl; the change time has moved.
  u.channel.invalidateAttributes(node.id)
  return answer(reply, new Uint8Array(0))
}

/**
 * Flags that were read from a lower of another filesystem may be unknown to the upper's: then
 * only those that every filesystem has are changed.
 */
function setFlags(fd: number, command: number, buffer: Buffer): number {
  const error = ioctlBuffer(fd, command, buffer)
  if (error !== -E.EOPNOTSUPP || command !== FS_IOC_SETFLAGS) return error
  const current = Buffer.alloc(8)
  const read = ioctlBuffer(fd, FS_IOC_GETFLAGS, current)
  if (read < 0) return read
  const common = (buffer.readUInt32LE(0) & FS_COMMON_FL) >>> 0
  buffer.writeUInt32LE(((current.readUInt32LE(0) & ~FS_COMMON_FL) | common) >>> 0, 0)
  return ioctlBuffer(fd, command, buffer)
}

const X_PROTECTED = FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND

function toXflags(protection: number): number {
  return (
    ((protection & FS_IMMUTABLE_FL) !== 0 ? FS_XFLAG_IMMUTABLE : 0) |
    ((protection & FS_APPEND_FL) !== 0 ? FS_XFLAG_APPEND : 0)
  )
}

function fromXflags(flags: number): number {
  return (
    ((flags & FS_XFLAG_IMMUTABLE) !== 0 ? FS_IMMUTABLE_FL : 0) |
    ((flags & FS_XFLAG_APPEND) !== 0 ? FS_APPEND_FL : 0)
  )
}

/** Opens the object for one ioctl. */
function withFd(
  u: Union,
  node: Node,
  isUpper: boolean,
  act: (fd: number) => number,
): number {
  const at = isUpper ? locateUpper(u, node) : locate(u, node)
  const fd = openObject(at, O_RDONLY | O_NONBLOCK)
  if (fd < 0) return fd
  const result = act(fd)
  close(fd)
  return result
}

/** fuse_ioctl_out with result 0, then the output buffer. */
export function answer(reply: Reply, output: Uint8Array): number {
  reply.appendWords(0, 0, 0, 0)
  return reply.append(output)
}
