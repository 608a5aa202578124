// STATX: struct fuse_statx from a stat record. It comes only when more than the basic fields is
// asked for (the time of birth).
import { fuse_statx, fuse_statx_out } from '../fuse/abi/structs.js'
import type { Reply, Validity } from '../fuse/reply.js'
import { ST } from '../sys/stat.js'

const BASIC_AND_BTIME = 0xfff

/** Fills fuse_statx_out. */
export function answerStatx(reply: Reply, valid: Validity, record: Uint32Array): void {
  const base = reply.length >>> 2
  const w = reply.words
  w.fill(0, base, base + (fuse_statx_out.size >>> 2))
  w[base] = valid.seconds
  w[base + 2] = valid.nanoseconds
  const at = base + (fuse_statx_out.stat >>> 2)
  const put = (byte: number, field: number): void => {
    w[at + (byte >>> 2)] = record[field] ?? 0
  }
  const put64 = (byte: number, field: number): void => {
    put(byte, field)
    put(byte + 4, field + 1)
  }
  const time = (byte: number, seconds: number, nanoseconds: number): void => {
    put64(byte, seconds)
    put(byte + 8, nanoseconds)
  }
  put(fuse_statx.mask, ST.mask)
  w[at] = (w[at] ?? 0) & BASIC_AND_BTIME
  put(fuse_statx.blksize, ST.blksize)
  put(fuse_statx.nlink, ST.nlink)
  put(fuse_statx.uid, ST.uid)
  put(fuse_statx.gid, ST.gid)
  put(fuse_statx.mode, ST.mode)
  put64(fuse_statx.ino, ST.ino)
  put64(fuse_statx.size_, ST.size)
  put64(fuse_statx.blocks, ST.blocks)
  time(fuse_statx.atime, ST.atime, ST.atimeNsec)
  time(fuse_statx.btime, ST.btime, ST.btimeNsec)
  time(fuse_statx.ctime, ST.ctime, ST.ctimeNsec)
  time(fuse_statx.mtime, ST.mtime, ST.mtimeNsec)
  const rdev = record[ST.rdev] ?? 0
  w[at + (fuse_statx.rdev_major >>> 2)] = (rdev & 0xfff00) >>> 8
  w[at + (fuse_statx.rdev_minor >>> 2)] = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00)
  reply.length += fuse_statx_out.size
}
