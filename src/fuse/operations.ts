// What a file system must do to be served: one method a request of the kernel. The session
// decodes, calls, and sends what the method left in the reply.
//
// A method returns 0 (the reply is filled), -errno, or PENDING (the request was parked or
// handed to the pool, and is answered later). It must not throw for expected answers; what it
// does throw becomes an errno in the session.
import type { Negotiated } from './negotiate.js'
import type { Reply } from './reply.js'
import type { Request } from './request.js'

/** "Answered later": the session writes nothing now. */
export const PENDING = 1

/** Called when work handed to the pool has ended; `result` is a value or -errno. */
export interface Completion {
  complete(result: number): void
}

/** Bytes of a descriptor, and where a copy has them. */
export interface FilePart {
  readonly fd: number
  readonly from: number
  readonly to: number
  readonly length: number
}

/** What a file system may ask of its session. */
export interface Channel {
  /** The descriptor of the device; -1 before the mount. */
  readonly device: number
  /** Keeps a request until `resume`; an INTERRUPT answers it with EINTR meanwhile. */
  park(request: Request): Request
  /** Serves a parked request from the beginning. */
  resume(request: Request): void
  /** Answers a parked request with an errno (positive). */
  fail(request: Request, errno: number): void
  /** Answers a READ from a file; `done` is told when the descriptor is free again. */
  sendFile(
    request: Request,
    fd: number,
    position: number,
    size: number,
    done: Completion,
  ): number
  /** Answers a WRITE by writing its data (at `at` of the body) to a file. */
  receiveFile(
    request: Request,
    fd: number,
    position: number,
    at: number,
    size: number,
    done: Completion,
  ): number
  syncFile(request: Request, fd: number, dataOnly: boolean, done: Completion): number
  allocateFile(
    request: Request,
    fd: number,
    mode: number,
    offset: number,
    length: number,
    done: Completion,
  ): number
  copyRange(
    request: Request,
    fdIn: number,
    offIn: number,
    fdOut: number,
    offOut: number,
    length: number,
    wide: boolean,
    done: Completion,
  ): number
  /** Copies a file's data in the pool, without a reply. */
  copyData(
    fdIn: number,
    fdOut: number,
    size: number,
    sync: number,
    done: Completion,
  ): void
  /** Copies a part of a file's data in the pool; -EIO where the source has less. */
  copyPart(part: FilePart, fdOut: number, sync: number, done: Completion): void
  /** A job that another thread does, which posts its end with this token to this loop (loopPost). */
  handOver(done: Completion): { readonly loop: number; readonly token: number }
  /**
   * Makes the kernel ask again for an inode's attributes. Only for an inode that a request
   * under way holds: then fuse_reverse_inval_inode cannot wait for us.
   */
  invalidateAttributes(nodeid: number): void
  /**
   * The kernel drops what it caches of an inode: attributes, data, a directory's listing. It has
   * done so when `done` is told: the notification is written from the pool, never from the serving
   * thread.
   */
  invalidateContents(nodeid: number, done: Completion): void
  /** Live figures of the session. */
  statistics(): SessionStatistics
}

export interface SessionStatistics {
  readonly protocol: string
  readonly requests: Record<string, number>
  readonly errors: Record<string, number>
}

/** The arguments of SETATTR, reused from call to call. */
export class AttributeChange {
  valid = 0
  fh = 0
  size = 0
  atime = 0
  mtime = 0
  atimeNsec = 0
  mtimeNsec = 0
  mode = 0
  uid = 0
  gid = 0
}

export interface Operations {
  /** Called once, after INIT and before any other request. */
  start(channel: Channel, negotiated: Negotiated): void
  /** Called once, when the mount is gone: everything held is given back. */
  stop(): void
  /**
   * The process has no descriptor left (EMFILE): closes what is only kept for speed. Returns how
   * many were closed; the failed request is then served once more.
   */
  releaseDescriptors(): number
  /** Whether `work` has something to do: asked after each reply. */
  readonly isWorkDue: boolean
  /** Called between a reply and the next request, which waits meanwhile: be brief. Never throws. */
  work(): void

  lookup(req: Request, reply: Reply, parent: number, name: string): number
  forget(nodeid: number, count: number): void
  getattr(req: Request, reply: Reply, nodeid: number, fh: number): number
  setattr(req: Request, reply: Reply, nodeid: number, change: AttributeChange): number
  statx(req: Request, reply: Reply, nodeid: number, fh: number): number
  readlink(req: Request, reply: Reply, nodeid: number): number
  symlink(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    target: string,
  ): number
  mknod(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    mode: number,
    rdev: number,
    umask: number,
  ): number
  mkdir(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    mode: number,
    umask: number,
  ): number
  unlink(req: Request, reply: Reply, parent: number, name: string): number
  rmdir(req: Request, reply: Reply, parent: number, name: string): number
  rename(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    newParent: number,
    newName: string,
    flags: number,
  ): number
  link(
    req: Request,
    reply: Reply,
    nodeid: number,
    newParent: number,
    newName: string,
  ): number
  open(
    req: Request,
    reply: Reply,
    nodeid: number,
    flags: number,
    openFlags: number,
  ): number
  create(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    flags: number,
    mode: number,
    umask: number,
  ): number
  tmpfile(
    req: Request,
    reply: Reply,
    parent: number,
    flags: number,
    mode: number,
    umask: number,
  ): number
  read(
    req: Request,
    reply: Reply,
    nodeid: number,
    fh: number,
    offset: number,
    size: number,
  ): number
  write(
    req: Request,
    reply: Reply,
    nodeid: number,
    fh: number,
    offset: number,
    size: number,
    at: number,
    flags: number,
  ): number
  release(req: Request, reply: Reply, nodeid: number, fh: number): number
  fsync(req: Request, reply: Reply, nodeid: number, fh: number, dataOnly: boolean): number
  opendir(req: Request, reply: Reply, nodeid: number): number
  releasedir(req: Request, reply: Reply, fh: number): number
  fsyncdir(req: Request, reply: Reply, nodeid: number, dataOnly: boolean): number
  readdir(
    req: Request,
    reply: Reply,
    nodeid: number,
    offset: number,
    size: number,
  ): number
  readdirplus(
    req: Request,
    reply: Reply,
    nodeid: number,
    offset: number,
    size: number,
  ): number
  statfs(req: Request, reply: Reply, nodeid: number): number
  getxattr(req: Request, reply: Reply, nodeid: number, name: string, size: number): number
  listxattr(req: Request, reply: Reply, nodeid: number, size: number): number
  setxattr(
    req: Request,
    reply: Reply,
    nodeid: number,
    name: string,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number
  removexattr(req: Request, reply: Reply, nodeid: number, name: string): number
  fallocate(
    req: Request,
    reply: Reply,
    nodeid: number,
    fh: number,
    mode: number,
    offset: number,
    length: number,
  ): number
  lseek(
    req: Request,
    reply: Reply,
    nodeid: number,
    fh: number,
    offset: number,
    whence: number,
  ): number
  copyFileRange(
    req: Request,
    reply: Reply,
    nodeid: number,
    fhIn: number,
    offIn: number,
    nodeidOut: number,
    fhOut: number,
    offOut: number,
    length: number,
    wide: boolean,
  ): number
  ioctl(
    req: Request,
    reply: Reply,
    nodeid: number,
    command: number,
    input: Uint8Array,
    outputSize: number,
  ): number
}
