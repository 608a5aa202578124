// From the replies of the operations, which are the kernel's structures, to what the package takes: a
// struct stat, a struct statvfs, names.
import { isUtf8 } from 'node:buffer'
import {
  fuse_attr,
  fuse_attr_out,
  fuse_dirent,
  fuse_entry_out,
  fuse_kstatfs,
  fuse_open_out,
  fuse_out_header,
} from '../fuse/abi/structs.js'
import { direntSize } from '../fuse/dirents.js'
import type { Reply } from '../fuse/reply.js'
import { S_IFDIR, S_IFMT } from '../sys/constants.js'
import type { PathStat, PathStatfs } from './package.js'

const BODY = fuse_out_header.size
const MILLION = 1e6
const WORD = 0x1_0000_0000

/** Replies to READDIR, taken together. */
export interface Listed {
  readonly names: string[]
  readonly stats: PathStat[]
  /** The offset of what follows. */
  next: number
}

/** The node of a fuse_entry_out; 0 for a name that does not exist. */
export function entryNode(reply: Reply): number {
  return u64(reply, BODY + fuse_entry_out.nodeid)
}

export function entryIsDirectory(reply: Reply): boolean {
  const mode = u32(reply, BODY + fuse_entry_out.attr + fuse_attr.mode)
  return (mode & S_IFMT) === S_IFDIR
}

/** The handle of the fuse_open_out at byte `at` of the reply. */
export function openedHandle(reply: Reply, at: number): number {
  return u32(reply, at + fuse_open_out.fh)
}

/** What a fuse_attr_out says. */
export function attributesOf(reply: Reply): PathStat {
  const at = BODY + fuse_attr_out.attr
  return {
    mode: u32(reply, at + fuse_attr.mode),
    ino: u32(reply, at + fuse_attr.ino),
    uid: u32(reply, at + fuse_attr.uid),
    gid: u32(reply, at + fuse_attr.gid),
    size: u64(reply, at + fuse_attr.size_),
    nlink: u32(reply, at + fuse_attr.nlink),
    rdev: u32(reply, at + fuse_attr.rdev),
    blksize: u32(reply, at + fuse_attr.blksize),
    blocks: u64(reply, at + fuse_attr.blocks),
    atime: milliseconds(reply, at + fuse_attr.atime, at + fuse_attr.atimensec),
    mtime: milliseconds(reply, at + fuse_attr.mtime, at + fuse_attr.mtimensec),
    ctime: milliseconds(reply, at + fuse_attr.ctime, at + fuse_attr.ctimensec),
  }
}

/** The package takes no times before 1970: they are shown as its first moment. */
function milliseconds(reply: Reply, seconds: number, nanoseconds: number): number {
  const whole = u32(reply, seconds) + (u32(reply, seconds + 4) | 0) * WORD
  return Math.max(whole * 1000 + Math.floor(u32(reply, nanoseconds) / MILLION), 0)
}

/** Adds the entries of a READDIR's reply; false where one is not UTF-8. */
export function addListed(reply: Reply, listed: Listed): boolean {
  for (let at = BODY; at < reply.length;) {
    const length = u32(reply, at + fuse_dirent.namelen)
    const name = at + fuse_dirent.name
    const text = textOf(reply.bytes.subarray(name, name + length))
    if (text === undefined) return false
    listed.names.push(text)
    listed.stats.push({
      mode: u32(reply, at + fuse_dirent.type) << 12,
      ino: u32(reply, at + fuse_dirent.ino),
      atime: 0,
      mtime: 0,
      ctime: 0,
    })
    listed.next = u64(reply, at + fuse_dirent.off)
    at += direntSize(length)
  }
  return true
}

/** What a fuse_kstatfs says, in blocks so large that their numbers fit 32 bits. */
export function statfsOf(reply: Reply): PathStatfs {
  const at = BODY
  const blocks = u64(reply, at + fuse_kstatfs.blocks)
  const fold = 2 ** Math.max(0, Math.ceil(Math.log2((blocks + 1) / WORD)))
  const inodes = (field: number): number => Math.min(u64(reply, at + field), WORD - 1)
  return {
    bsize: u32(reply, at + fuse_kstatfs.bsize) * fold,
    frsize: u32(reply, at + fuse_kstatfs.frsize) * fold,
    blocks: Math.floor(blocks / fold),
    bfree: Math.floor(u64(reply, at + fuse_kstatfs.bfree) / fold),
    bavail: Math.floor(u64(reply, at + fuse_kstatfs.bavail) / fold),
    files: inodes(fuse_kstatfs.files),
    ffree: inodes(fuse_kstatfs.ffree),
    favail: inodes(fuse_kstatfs.ffree),
    namemax: u32(reply, at + fuse_kstatfs.namelen),
  }
}

/** Bytes as text; undefined where they are no UTF-8. */
export function textOf(bytes: Buffer): string | undefined {
  return isUtf8(bytes) ? bytes.toString('utf8') : undefined
}

function u32(reply: Reply, at: number): number {
  return reply.words[at >>> 2] ?? 0
}

function u64(reply: Reply, at: number): number {
  return u32(reply, at) + u32(reply, at + 4) * WORD
}
