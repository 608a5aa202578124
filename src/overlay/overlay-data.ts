// The half of the union's operations that acts on one object: its data, once it is open, and its
// extended attributes. Names and nodes are the other half (overlay.ts).
import { E } from '../errno/errno.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import * as files from './file-operations.js'
import type { Node } from './node.js'
import type { Union } from './union.js'
import * as xattrs from './xattr-operations.js'

export class OverlayData {
  protected readonly u: Union

  constructor(u: Union) {
    this.u = u
  }

  /** ENOSYS holds for the connection: the kernel never asks again (fuse_file_open). */
  open(
    req: Request,
    reply: Reply,
    nodeid: number,
    flags: number,
    openFlags: number,
  ): number {
    if (this.u.opensUnasked) return -E.ENOSYS
    return files.openFile(this.u, req, reply, this.u.nodes.get(nodeid), flags, openFlags)
  }

  read(
    req: Request,
    reply: Reply,
    nodeid: number,
    fh: number,
    offset: number,
    size: number,
  ): number {
    return files.readFile(this.u, req, reply, this.node(nodeid, fh), offset, size)
  }

  write(
    req: Request,
    reply: Reply,
    nodeid: number,
    fh: number,
    offset: number,
    size: number,
    at: number,
    flags: number,
  ): number {
    const node = this.node(nodeid, fh)
    return files.writeFile(this.u, req, reply, node, offset, size, at, flags)
  }

  release(_req: Request, _reply: Reply, _nodeid: number, fh: number): number {
    this.u.files.release(fh)
    return 0
  }

  fsync(
    req: Request,
    _reply: Reply,
    nodeid: number,
    fh: number,
    dataOnly: boolean,
  ): number {
    return files.syncFile(this.u, req, this.node(nodeid, fh), dataOnly)
  }

  fsyncdir(req: Request, _reply: Reply, nodeid: number, dataOnly: boolean): number {
    return files.syncDirectory(this.u, req, this.u.directory(nodeid), dataOnly)
  }

  getxattr(
    _req: Request,
    reply: Reply,
    nodeid: number,
    name: string,
    size: number,
  ): number {
    return xattrs.getAttribute(this.u, reply, this.u.nodes.get(nodeid), name, size)
  }

  listxattr(req: Request, reply: Reply, nodeid: number, size: number): number {
    return xattrs.listAttributes(this.u, req, reply, this.u.nodes.get(nodeid), size)
  }

  setxattr(
    req: Request,
    _reply: Reply,
    nodeid: number,
    name: string,
    value: Uint8Array,
    flags: number,
    killSgid: boolean,
  ): number {
    const node = this.u.nodes.get(nodeid)
    return xattrs.setAttribute(this.u, req, node, name, value, flags, killSgid)
  }

  removexattr(req: Request, _reply: Reply, nodeid: number, name: string): number {
    return xattrs.removeAttribute(this.u, req, this.u.nodes.get(nodeid), name)
  }

  fallocate(
    req: Request,
    _reply: Reply,
    nodeid: number,
    fh: number,
    mode: number,
    offset: number,
    length: number,
  ): number {
    return files.allocate(this.u, req, this.node(nodeid, fh), mode, offset, length)
  }

  lseek(
    _req: Request,
    reply: Reply,
    nodeid: number,
    fh: number,
    offset: number,
    whence: number,
  ): number {
    return files.seek(this.u, reply, this.node(nodeid, fh), offset, whence)
  }

  copyFileRange(
    req: Request,
    _reply: Reply,
    nodeid: number,
    fhIn: number,
    offIn: number,
    nodeidOut: number,
    fhOut: number,
    offOut: number,
    length: number,
    wide: boolean,
  ): number {
    const from = this.node(nodeid, fhIn)
    const to = this.node(nodeidOut, fhOut)
    return files.copyFileRange(this.u, req, from, offIn, to, offOut, length, wide)
  }

  /** The node of a request that names an open file: the handle's, if there is one. */
  protected node(nodeid: number, fh: number): Node {
    return this.u.files.nodeOf(fh) ?? this.u.nodes.get(nodeid)
  }
}
