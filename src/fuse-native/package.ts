// The npm package fuse-native as we use it: loaded when it is asked for, since it is optional and needs
// a library of the system's; its types; and the repair of two of its callbacks.
import { createRequire } from 'node:module'
import { E } from '../errno/errno.js'

/** Ends a callback: 0, a number of bytes or -errno, and what was asked for. */
export type Done<Given = never> = (result: number, given?: Given) => void

/** struct stat, with times in milliseconds; the package keeps 32 bits of what is not a size or a time. */
export interface PathStat {
  readonly mode: number
  readonly ino: number
  readonly uid?: number
  readonly gid?: number
  readonly size?: number
  readonly nlink?: number
  readonly rdev?: number
  readonly blksize?: number
  readonly blocks?: number
  readonly atime: number
  readonly mtime: number
  readonly ctime: number
}

/** struct statvfs, 32 bits each. */
export interface PathStatfs {
  readonly bsize: number
  readonly frsize: number
  readonly blocks: number
  readonly bfree: number
  readonly bavail: number
  readonly files: number
  readonly ffree: number
  readonly favail: number
  readonly namemax: number
}

/** What is called for each request. Paths and names are UTF-8, decoded. */
export interface PathCallbacks {
  getattr(path: string, done: Done<PathStat>): void
  readdir(
    path: string,
    done: (result: number, names?: string[], stats?: PathStat[]) => void,
  ): void
  readlink(path: string, done: Done<string>): void
  statfs(path: string, done: Done<PathStatfs>): void
  mknod(path: string, mode: number, rdev: number, done: Done): void
  mkdir(path: string, mode: number, done: Done): void
  symlink(target: string, path: string, done: Done): void
  link(from: string, to: string, done: Done): void
  unlink(path: string, done: Done): void
  rmdir(path: string, done: Done): void
  rename(from: string, to: string, done: Done): void
  chmod(path: string, mode: number, done: Done): void
  chown(path: string, uid: number, gid: number, done: Done): void
  truncate(path: string, size: number, done: Done): void
  ftruncate(path: string, handle: number, size: number, done: Done): void
  /** Milliseconds; the package says the first time twice. */
  utimens(path: string, atime: number, mtime: number, done: Done): void
  open(path: string, flags: number, done: Done<number>): void
  create(path: string, mode: number, done: Done<number>): void
  read(
    path: string,
    handle: number,
    into: Buffer,
    size: number,
    position: number,
    done: Done,
  ): void
  write(
    path: string,
    handle: number,
    from: Buffer,
    size: number,
    position: number,
    done: Done,
  ): void
  release(path: string, handle: number, done: Done): void
  fsync(path: string, dataOnly: number, handle: number, done: Done): void
  fsyncdir(path: string, dataOnly: number, handle: number, done: Done): void
  setxattr(
    path: string,
    name: string,
    value: Buffer,
    position: number,
    flags: number,
    done: Done,
  ): void
  getxattr(path: string, name: string, position: number, done: Done<Buffer>): void
  listxattr(path: string, done: Done<Buffer>): void
  removexattr(path: string, name: string, done: Done): void
}

/** Hands an answer to the thread of libfuse's that waits; `memory` is let go of. */
type Signal = (result: number, memory: ArrayBufferLike) => void

/** A mount of the package's: what it mounts, and the two callbacks that are repaired. */
interface FuseMount {
  mount(done: (error: Error | null) => void): void
  _op_getxattr: (signal: Signal, path: string, name: string, into: Buffer) => void
  _op_listxattr: (signal: Signal, path: string, into: Buffer) => void
}

export type FuseNative = new (
  mountPoint: string,
  callbacks: PathCallbacks,
  options: { readonly timeout: false; readonly fsname: string },
) => FuseMount

/** Throws what Node throws: MODULE_NOT_FOUND, or ERR_DLOPEN_FAILED without libfuse.so.2. */
export function loadFuseNative(): FuseNative {
  const load = createRequire(import.meta.url)
  return load('fuse-native') as FuseNative
}

/**
 * Mounts, and returns once the kernel's INIT has been answered. `options` are libfuse's, after
 * `fsname=`: the package knows few of them by name and joins all by commas. Rejects with an Error.
 */
export function mountPaths(
  Fuse: FuseNative,
  mountPoint: string,
  callbacks: PathCallbacks,
  options: string,
): Promise<void> {
  // Without `timeout: false` it answers ETIMEDOUT for what takes over 15 s, and we would go on.
  const fuse = new Fuse(mountPoint, callbacks, { timeout: false, fsname: options })
  repairSizes(fuse, callbacks)
  return new Promise((resolve, reject) => {
    fuse.mount(error => {
      if (error === null) resolve()
      else reject(error)
    })
  })
}

/**
 * The package answers a GETXATTR or LISTXATTR whose buffer is too small with the whole length, and
 * libfuse then sends what lies behind the buffer. Attributes are compared with the buffer here.
 */
function repairSizes(fuse: FuseMount, callbacks: PathCallbacks): void {
  fuse._op_getxattr = (signal, path, name, into) => {
    callbacks.getxattr(path, name, 0, answerInto(signal, into))
  }
  fuse._op_listxattr = (signal, path, into) => {
    callbacks.listxattr(path, answerInto(signal, into))
  }
}

function answerInto(signal: Signal, into: Buffer): Done<Buffer> {
  const { buffer, length } = into
  return (result, value) => {
    if (value === undefined) signal(result, buffer)
    else if (length === 0) signal(value.length, buffer)
    else if (value.length > length) signal(-E.ERANGE, buffer)
    else {
      value.copy(into)
      signal(value.length, buffer)
    }
  }
}
