// The table from opcode to operation: decodes a request's arguments and calls the method.
// A missing row is ENOSYS, which the kernel remembers for the connection where it matters:
// FLUSH and ACCESS are left out on purpose (fuse_flush and fuse_access then stop asking), locks because the kernel keeps them itself.
import { E } from '../errno/errno.js'
import { FSYNC_FDATASYNC, SETXATTR_ACL_KILL_SGID } from './abi/flags.js'
import { OP, OP_LIMIT } from './abi/opcodes.js'
import * as S from './abi/structs.js'
import { AttributeChange, type Operations } from './operations.js'
import type { Reply } from './reply.js'
import type { Request } from './request.js'

/** What decoding depends on besides the request. */
export interface Dialect {
  /** SETXATTR carries the long form (SETXATTR_EXT was agreed). */
  readonly longSetxattr: boolean
}

export type Handler = (fs: Operations, q: Request, r: Reply, dialect: Dialect) => number

const change = new AttributeChange()

const table: (Handler | undefined)[] = new Array<Handler | undefined>(OP_LIMIT)

/** The handler of an opcode; undefined where the answer is ENOSYS. */
export function handlerOf(opcode: number): Handler | undefined {
  return table[opcode]
}

table[OP.LOOKUP] = (fs, q, r) => fs.lookup(q, r, q.nodeid, q.name(0))

table[OP.GETATTR] = (fs, q, r) =>
  fs.getattr(
    q,
    r,
    q.nodeid,
    (q.u32(S.fuse_getattr_in.getattr_flags) & 1) !== 0 ? q.u32(S.fuse_getattr_in.fh) : 0,
  )

table[OP.STATX] = (fs, q, r) =>
  fs.statx(
    q,
    r,
    q.nodeid,
    (q.u32(S.fuse_statx_in.getattr_flags) & 1) !== 0 ? q.u32(S.fuse_statx_in.fh) : 0,
  )

table[OP.SETATTR] = (fs, q, r) => {
  const I = S.fuse_setattr_in
  change.valid = q.u32(I.valid)
  change.fh = q.u32(I.fh)
  change.size = q.u64(I.size_)
  change.atime = q.s64(I.atime)
  change.mtime = q.s64(I.mtime)
  change.atimeNsec = q.u32(I.atimensec)
  change.mtimeNsec = q.u32(I.mtimensec)
  change.mode = q.u32(I.mode)
  change.uid = q.u32(I.uid)
  change.gid = q.u32(I.gid)
  return fs.setattr(q, r, q.nodeid, change)
}

table[OP.READLINK] = (fs, q, r) => fs.readlink(q, r, q.nodeid)

table[OP.SYMLINK] = (fs, q, r) => {
  const name = q.name(0)
  return fs.symlink(q, r, q.nodeid, name, q.name(q.next))
}

table[OP.MKNOD] = (fs, q, r) => {
  const I = S.fuse_mknod_in
  return fs.mknod(
    q,
    r,
    q.nodeid,
    q.name(I.size),
    q.u32(I.mode),
    q.u32(I.rdev),
    q.u32(I.umask),
  )
}

table[OP.MKDIR] = (fs, q, r) => {
  const I = S.fuse_mkdir_in
  return fs.mkdir(q, r, q.nodeid, q.name(I.size), q.u32(I.mode), q.u32(I.umask))
}

table[OP.UNLINK] = (fs, q, r) => fs.unlink(q, r, q.nodeid, q.name(0))
table[OP.RMDIR] = (fs, q, r) => fs.rmdir(q, r, q.nodeid, q.name(0))

table[OP.RENAME] = (fs, q, r) => {
  const name = q.name(S.fuse_rename_in.size)
  return fs.rename(
    q,
    r,
    q.nodeid,
    name,
    q.u64(S.fuse_rename_in.newdir),
    q.name(q.next),
    0,
  )
}

table[OP.RENAME2] = (fs, q, r) => {
  const I = S.fuse_rename2_in
  const name = q.name(I.size)
  return fs.rename(q, r, q.nodeid, name, q.u64(I.newdir), q.name(q.next), q.u32(I.flags))
}

table[OP.LINK] = (fs, q, r) =>
  fs.link(q, r, q.u64(S.fuse_link_in.oldnodeid), q.nodeid, q.name(S.fuse_link_in.size))

table[OP.OPEN] = (fs, q, r) =>
  fs.open(q, r, q.nodeid, q.u32(S.fuse_open_in.flags), q.u32(S.fuse_open_in.open_flags))

table[OP.CREATE] = (fs, q, r) => {
  const I = S.fuse_create_in
  return fs.create(
    q,
    r,
    q.nodeid,
    q.name(I.size),
    q.u32(I.flags),
    q.u32(I.mode),
    q.u32(I.umask),
  )
}

table[OP.TMPFILE] = (fs, q, r) => {
  const I = S.fuse_create_in
  return fs.tmpfile(q, r, q.nodeid, q.u32(I.flags), q.u32(I.mode), q.u32(I.umask))
}

table[OP.READ] = (fs, q, r) => {
  const I = S.fuse_read_in
  return fs.read(q, r, q.nodeid, q.u32(I.fh), q.u64(I.offset), q.u32(I.size_))
}

table[OP.WRITE] = (fs, q, r) => {
  const I = S.fuse_write_in
  const size = q.u32(I.size_)
  const flags = q.u32(I.write_flags)
  return fs.write(q, r, q.nodeid, q.u32(I.fh), q.u64(I.offset), size, I.size, flags)
}

table[OP.RELEASE] = (fs, q, r) => fs.release(q, r, q.nodeid, q.u32(S.fuse_release_in.fh))

table[OP.FSYNC] = (fs, q, r) =>
  fs.fsync(q, r, q.nodeid, q.u32(S.fuse_fsync_in.fh), isDataOnly(q))

table[OP.OPENDIR] = (fs, q, r) => fs.opendir(q, r, q.nodeid)

table[OP.RELEASEDIR] = (fs, q, r) => fs.releasedir(q, r, q.u32(S.fuse_release_in.fh))

table[OP.FSYNCDIR] = (fs, q, r) => fs.fsyncdir(q, r, q.nodeid, isDataOnly(q))

table[OP.READDIR] = (fs, q, r) =>
  fs.readdir(q, r, q.nodeid, q.u64(S.fuse_read_in.offset), q.u32(S.fuse_read_in.size_))

table[OP.READDIRPLUS] = (fs, q, r) =>
  fs.readdirplus(
    q,
    r,
    q.nodeid,
    q.u64(S.fuse_read_in.offset),
    q.u32(S.fuse_read_in.size_),
  )

table[OP.STATFS] = (fs, q, r) => fs.statfs(q, r, q.nodeid)

table[OP.GETXATTR] = (fs, q, r) => {
  const I = S.fuse_getxattr_in
  return fs.getxattr(q, r, q.nodeid, q.name(I.size), q.u32(I.size_))
}

table[OP.LISTXATTR] = (fs, q, r) =>
  fs.listxattr(q, r, q.nodeid, q.u32(S.fuse_getxattr_in.size_))

table[OP.SETXATTR] = (fs, q, r, dialect) => {
  const I = S.fuse_setxattr_in
  const size = q.u32(I.size_)
  const name = q.name(dialect.longSetxattr ? I.size : S.FUSE_COMPAT_SETXATTR_IN_SIZE)
  const kill =
    dialect.longSetxattr && (q.u32(I.setxattr_flags) & SETXATTR_ACL_KILL_SGID) !== 0
  return fs.setxattr(q, r, q.nodeid, name, q.data(q.next, size), q.u32(I.flags), kill)
}

table[OP.REMOVEXATTR] = (fs, q, r) => fs.removexattr(q, r, q.nodeid, q.name(0))

table[OP.FALLOCATE] = (fs, q, r) => {
  const I = S.fuse_fallocate_in
  return fs.fallocate(
    q,
    r,
    q.nodeid,
    q.u32(I.fh),
    q.u32(I.mode),
    q.u64(I.offset),
    q.u64(I.length),
  )
}

table[OP.LSEEK] = (fs, q, r) => {
  const I = S.fuse_lseek_in
  return fs.lseek(q, r, q.nodeid, q.u32(I.fh), q.u64(I.offset), q.u32(I.whence))
}

table[OP.COPY_FILE_RANGE] = (fs, q, r) => copyFileRange(fs, q, r, false)
table[OP.COPY_FILE_RANGE_64] = (fs, q, r) => copyFileRange(fs, q, r, true)

table[OP.IOCTL] = (fs, q, r) => {
  const I = S.fuse_ioctl_in
  const input = q.data(I.size, q.u32(I.in_size))
  return fs.ioctl(q, r, q.nodeid, q.u32(I.cmd), input, q.u32(I.out_size))
}

function isDataOnly(q: Request): boolean {
  return (q.u32(S.fuse_fsync_in.fsync_flags) & FSYNC_FDATASYNC) !== 0
}

function copyFileRange(fs: Operations, q: Request, r: Reply, wide: boolean): number {
  const I = S.fuse_copy_file_range_in
  if (q.u64(I.flags) !== 0) return -E.EINVAL
  return fs.copyFileRange(
    q,
    r,
    q.nodeid,
    q.u32(I.fh_in),
    q.u64(I.off_in),
    q.u64(I.nodeid_out),
    q.u32(I.fh_out),
    q.u64(I.off_out),
    q.u64(I.len),
    wide,
  )
}
