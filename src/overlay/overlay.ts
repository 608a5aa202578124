// The union as a file system to serve: finds the nodes a request names, hands over to the
// operation's own file, and answers with entries and attributes. No policy of its own.
import { E } from '../errno/errno.js'
import { INIT } from '../fuse/abi/flags.js'
import type { Negotiated } from '../fuse/negotiate.js'
import type { AttributeChange, Channel, Operations } from '../fuse/operations.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import { O_ACCMODE, O_RDWR, S_IFDIR, S_IFLNK, S_IFREG } from '../sys/constants.js'
import { fstatfs, readlinkat } from '../layer/object-calls.js'
import { close, dup } from '../sys/file.js'
import { STAT_WORDS } from '../sys/stat.js'
import { readAttributes } from './attributes.js'
import { PLYFS_IOC_STATS, PLYFS_IOC_WHICH } from './control.js'
import { answerStats, answerWhich } from './control-ioctl.js'
import { createObject, createTemporary, type NewObject } from './creation.js'
import { flagsIoctl, isFlagsIoctl } from './flags-ioctl.js'
import { forgetNode } from './forget.js'
import { linkNode } from './link.js'
import { locate } from './locate.js'
import { lookupChild } from './lookup.js'
import { hasDirectory, type Directory, type Node } from './node.js'
import { OpenFiles } from './open-file.js'
import { OverlayData } from './overlay-data.js'
import { unpinAll } from './pins.js'
import { readNames, readNamesPlus } from './read-directory.js'
import { removeDirectory, unlinkName } from './removal.js'
import { renameName } from './rename.js'
import { setAttributes } from './set-attributes.js'
import { answerStatx } from './statx.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

export class Overlay extends OverlayData implements Operations {
  private readonly record = new Uint32Array(STAT_WORDS)
  private readonly statfsWords = new Uint32Array(20)
  private negotiated: Negotiated | null = null
  private readonly since = Date.now()

  private readonly version: string
  private readonly started: () => void
  private readonly close: () => void

  /**
   * `started` is called when the kernel's INIT has been seen; `close` gives back what the layers
   * hold, once the mount is gone.
   */
  constructor(u: Union, version: string, started: () => void, close: () => void) {
    super(u)
    this.version = version
    this.started = started
    this.close = close
  }

  start(channel: Channel, negotiated: Negotiated): void {
    this.negotiated = negotiated
    const passes = negotiated.passthrough && this.u.options.passthrough
    const killpriv = (negotiated.flags & INIT.HANDLE_KILLPRIV_V2) !== 0
    this.u.attach(channel, new OpenFiles(this.u, channel.device, passes), killpriv)
    this.started()
  }

  stop(): void {
    unpinAll(this.u)
    this.u.closeFiles()
    this.close()
  }

  releaseDescriptors(): number {
    return this.u.directoryFds.shrink() + this.u.fileFds.shrink()
  }

  get isWorkDue(): boolean {
    return this.u.ahead.isDue
  }

  work(): void {
    this.u.ahead.work(this.u)
  }

  lookup(_req: Request, reply: Reply, parentId: number, name: string): number {
    const parent = this.u.directory(parentId)
    const known = this.u.child(parent, name)
    if (known !== undefined) return this.entry(reply, parent, name, known)
    const node = lookupChild(this.u, parent, name, this.record)
    if (typeof node === 'number') return node
    if (node !== null) return this.entry(reply, parent, name, node)
    reply.negativeEntry(this.u.kept)
    return 0
  }

  forget(nodeid: number, count: number): void {
    forgetNode(this.u, nodeid, count)
  }

  getattr(_req: Request, reply: Reply, nodeid: number, fh: number): number {
    return this.attributes(reply, this.node(nodeid, fh))
  }

  setattr(req: Request, reply: Reply, nodeid: number, change: AttributeChange): number {
    const node = this.u.nodes.get(nodeid)
    const result = setAttributes(this.u, req, node, change)
    return result === 0 ? this.attributes(reply, node) : result
  }

  statx(_req: Request, reply: Reply, nodeid: number, fh: number): number {
    const node = this.node(nodeid, fh)
    const error = readAttributes(this.u, node, this.record)
    if (error < 0) return error
    answerStatx(reply, this.u.attrValidity(node), this.record)
    return 0
  }

  readlink(_req: Request, reply: Reply, nodeid: number): number {
    const at = locate(this.u, this.u.nodes.get(nodeid))
    const length = readlinkat(at.fd, at.name, reply.bytes, reply.length)
    if (length < 0) return length
    reply.length += length
    return 0
  }

  symlink(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    target: string,
  ): number {
    return this.make(req, reply, parent, name, {
      mode: S_IFLNK | 0o777,
      umask: 0,
      rdev: 0,
      target,
    })
  }

  mknod(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    mode: number,
    rdev: number,
    umask: number,
  ): number {
    return this.make(req, reply, parent, name, { mode, umask, rdev, target: '' })
  }

  mkdir(
    req: Request,
    reply: Reply,
    parent: number,
    name: string,
    mode: number,
    umask: number,
  ): number {
    const what = { mode: S_IFDIR | (mode & 0o7777), umask, rdev: 0, target: '' }
    return this.make(req, reply, parent, name, what)
  }

  unlink(req: Request, _reply: Reply, parentId: number, name: string): number {
    const parent = this.u.directory(parentId)
    const node = this.child(parent, name)
    if (typeof node === 'number') return node
    return node === null ? -E.ENOENT : unlinkName(this.u, req, parent, name, node)
  }

  rmdir(_req: Request, _reply: Reply, parentId: number, name: string): number {
    const parent = this.u.directory(parentId)
    const node = this.child(parent, name)
    if (typeof node === 'number') return node
    return node === null ? -E.ENOENT : removeDirectory(this.u, parent, name, node)
  }

  rename(
    req: Request,
    _reply: Reply,
    parentId: number,
    name: string,
    newParentId: number,
    newName: string,
    flags: number,
  ): number {
    const parent = this.u.directory(parentId)
    const newParent = this.u.directory(newParentId)
    const node = this.child(parent, name)
    if (typeof node === 'number') return node
    if (node === null) return -E.ENOENT
    const other = this.child(newParent, newName)
    if (typeof other === 'number') return other
    const to = { parent: newParent, name: newName, node: other }
    return renameName(this.u, req, { parent, name, node }, to, flags)
  }

  link(
    req: Request,
    reply: Reply,
    nodeid: number,
    newParentId: number,
    newName: string,
  ): number {
    const node = this.u.nodes.get(nodeid)
    const parent = this.u.directory(newParentId)
    const result = linkNode(this.u, req, node, parent, newName)
    return result === 0 ? this.entry(reply, parent, newName, node) : result
  }

  create(
    req: Request,
    reply: Reply,
    parentId: number,
    name: string,
    flags: number,
    mode: number,
    umask: number,
  ): number {
    const parent = this.u.directory(parentId)
    const access = flags & O_ACCMODE
    const plain = { mode: S_IFREG | (mode & 0o7777), umask, rdev: 0, target: '' }
    const keep = { access, fd: -1 }
    const what = this.u.assumesCallers ? plain : { ...plain, keep }
    const node = createObject(this.u, req, parent, name, what, this.record)
    if (typeof node === 'number') {
      if (keep.fd >= 0) close(keep.fd)
      return node
    }
    if (keep.fd >= 0) this.u.files.adopt(node, keep.fd, access)
    this.u.admitChild(parent, name, node)
    return this.created(reply, node, flags)
  }

  tmpfile(
    req: Request,
    reply: Reply,
    parentId: number,
    flags: number,
    mode: number,
    umask: number,
  ): number {
    const parent = this.u.directory(parentId)
    const node = createTemporary(this.u, req, parent, mode, umask, this.record)
    if (typeof node === 'number') return node
    this.u.nodes.admit(node)
    node.lookups++
    if (!this.u.assumesCallers) this.u.files.adopt(node, dup(node.pinnedFd), O_RDWR)
    return this.created(reply, node, flags)
  }

  /** ENOSYS on a mount that never changes: the kernel then stops asking (fuse_file_open). */
  opendir(_req: Request, reply: Reply, nodeid: number): number {
    if (!this.u.isEverWritable) return -E.ENOSYS
    const { dir } = this.u.directory(nodeid)
    const flags = this.u.openDirectories.flagsFor(dir)
    reply.open(this.u.openDirectories.open(dir), flags, 0)
    return 0
  }

  releasedir(_req: Request, _reply: Reply, fh: number): number {
    this.u.openDirectories.close(fh)
    return 0
  }

  readdir(
    _req: Request,
    reply: Reply,
    nodeid: number,
    offset: number,
    size: number,
  ): number {
    return readNames(this.u, reply, this.u.directory(nodeid), offset, size)
  }

  readdirplus(
    _req: Request,
    reply: Reply,
    nodeid: number,
    offset: number,
    size: number,
  ): number {
    return readNamesPlus(this.u, reply, this.u.directory(nodeid), offset, size)
  }

  statfs(_req: Request, reply: Reply, _nodeid: number): number {
    const layer = this.u.stack.upper ?? this.u.stack.lowers[0]
    if (layer === undefined) return -E.EIO
    const words = this.statfsWords
    const error = fstatfs(layer.rootFd, words)
    if (error < 0) return error
    for (let i = 0; i < 14; i++) reply.appendWords(words[i] ?? 0)
    reply.appendWords(0, 0, 0, 0, 0, 0)
    return 0
  }

  ioctl(
    req: Request,
    reply: Reply,
    nodeid: number,
    command: number,
    input: Uint8Array,
    outputSize: number,
  ): number {
    const node = this.u.nodes.get(nodeid)
    if (isFlagsIoctl(command)) return flagsIoctl(this.u, req, reply, node, command, input)
    if (command === PLYFS_IOC_WHICH && hasDirectory(node))
      return answerWhich(this.u, reply, node, input, outputSize)
    if (command === PLYFS_IOC_STATS && hasDirectory(node)) {
      const passes = this.negotiated?.passthrough ?? false
      return answerStats(this.u, reply, this.version, this.since, passes, outputSize)
    }
    return -E.ENOTTY
  }

  private child(parent: DirectoryNode, name: string): Node | null | number {
    return this.u.child(parent, name) ?? lookupChild(this.u, parent, name, this.record)
  }

  private make(
    req: Request,
    reply: Reply,
    parentId: number,
    name: string,
    what: NewObject,
  ): number {
    const parent = this.u.directory(parentId)
    const node = createObject(this.u, req, parent, name, what, this.record)
    if (typeof node === 'number') return node
    this.u.admitChild(parent, name, node)
    this.replyEntry(reply, node)
    return 0
  }

  /** Answers with an entry whose attributes are read now. */
  private entry(reply: Reply, parent: DirectoryNode, name: string, node: Node): number {
    const error = readAttributes(this.u, node, this.record)
    if (error < 0) return error
    this.u.admitChild(parent, name, node)
    this.replyEntry(reply, node)
    return 0
  }

  private replyEntry(reply: Reply, node: Node): void {
    const { kept } = this.u
    reply.entry(node.id, node.generation, kept, this.u.attrValidity(node), this.record)
  }

  private attributes(reply: Reply, node: Node): number {
    const error = readAttributes(this.u, node, this.record)
    if (error < 0) return error
    reply.attr(this.u.attrValidity(node), this.record)
    return 0
  }

  /** Opens what CREATE or TMPFILE made, and answers with entry and handle. */
  private created(reply: Reply, node: Node, flags: number): number {
    const fh = this.u.files.openNode(node, flags & O_ACCMODE)
    if (fh < 0) return fh
    this.replyEntry(reply, node)
    const answer = this.u.files.answerFor(node)
    reply.open(fh, answer.flags, answer.backingId)
    return 0
  }
}
