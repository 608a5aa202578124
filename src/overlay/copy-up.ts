// Copy-up (fs/overlayfs/copy_up.c): the lower object's copy is made in the work directory with
// all that belongs to it and published by one rename, so that a crash leaves the old or the new
// and nothing between. Data is copied by the pool; a node that is being copied has a queue, and
// publishing reads its parent and name anew. Lower files are only ever opened for reading.
import { E } from '../errno/errno.js'
import { FsError, toErrno } from '../errno/fs-error.js'
import { type Completion, PENDING } from '../fuse/operations.js'
import type { Request } from '../fuse/request.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../sys/constants.js'
import { close, fsync, ftruncate, openat2 } from '../sys/file.js'
import {
  linkat,
  mkdirat,
  mknodat,
  readlinkat,
  renameat2,
  statx,
  symlinkat,
  unlinkat,
} from '../sys/inode.js'
import { copyData } from '../sys/pool.js'
import { ST, STAT_WORDS, statNumber } from '../sys/stat.js'
import { removexattrat, setxattrat } from '../sys/xattr.js'
import { copyMetadata, copyTimes, setOrigin } from './copy-metadata.js'
import { setImpure } from './impure.js'
import { locateData, locateUpper, openObject } from './locate.js'
import { writeNlink } from './nlink.js'
import type { Node } from './node.js'
import { type Union, hasDirectory, upperOf } from './union.js'

/** Data that costs less to copy here than to hand over, when nothing has to be flushed. */
const SMALL = 65_536

const SYNC_NOTHING = 0
const SYNC_RANGE = 1
const SYNC_FILE = 2

const record = new Uint32Array(STAT_WORDS)
const parentRecord = new Uint32Array(STAT_WORDS)
const target = Buffer.alloc(4097)

/**
 * Brings a node into the upper layer, its parents first. Returns 0 when it is there, PENDING
 * when `req` has been parked until it is, or -errno. `limit` bounds the data that is copied: a
 * truncation needs no more than what it keeps.
 */
export function copyUp(u: Union, node: Node, req: Request, limit = Infinity): number {
  if (node.hasUpper && node.dataDir === null) return 0
  return bringUp(u, node, req, limit, false)
}

/** The same for changes of metadata: with metacopy=on a regular file's data stays below. */
export function copyUpMetadata(u: Union, node: Node, req: Request): number {
  if (node.hasUpper) return node.copying === null ? 0 : u.wait(node, req)
  return bringUp(u, node, req, Infinity, u.options.metacopy && u.format.redirects)
}

/** Brings a directory and all its ancestors up. 0 or -errno; never waits. */
export function copyUpDirectory(u: Union, node: Node): number {
  if (node.hasUpper) return 0
  if (!u.isWritable) return -E.EROFS
  const missing: Node[] = []
  for (let at: Node | null = node; at !== null && !at.hasUpper; at = at.parent)
    missing.push(at)
  for (const one of missing.reverse()) {
    const error = copyOneDirectory(u, one)
    if (error < 0) return error
  }
  return 0
}

function bringUp(
  u: Union,
  node: Node,
  req: Request,
  limit: number,
  metadataOnly: boolean,
): number {
  if (node.copying !== null) {
    node.copying.waiting.push(u.channel.park(req))
    return PENDING
  }
  if (!u.isWritable) return -E.EROFS
  if (hasDirectory(node)) return copyUpDirectory(u, node)
  if (node.parent !== null) {
    const error = copyUpDirectory(u, node.parent)
    if (error < 0) return error
  }
  if (node.type !== S_IFREG) return copySpecial(u, node)
  const copy = new CopyUp(u, node)
  const started = copy.start(limit, metadataOnly)
  if (started !== PENDING) return started
  copy.waiting.push(u.channel.park(req))
  return PENDING
}

/** The copy of one regular file, from its start to its publishing. */
export class CopyUp implements Completion {
  /** Requests that need the copy: they go on, or get its error. */
  readonly waiting: Request[] = []
  /** Requests that only wait for the end of it. */
  readonly bystanders: Request[] = []
  private source = -1
  private copy = -1
  /** Name in the work directory; '' when the data goes into the upper file itself. */
  private temporary = ''
  private readonly lower = new Uint32Array(STAT_WORDS)
  private size = 0

  private readonly u: Union
  private readonly node: Node

  constructor(u: Union, node: Node) {
    this.u = u
    this.node = node
  }

  /** Returns 0 when done already, PENDING when the pool has it, or -errno. */
  start(limit: number, metadataOnly: boolean): number {
    try {
      this.open(metadataOnly)
      const all = statNumber(this.lower, ST.size)
      this.size = metadataOnly ? 0 : Math.min(all, limit)
      if (metadataOnly) this.makeMetacopy(all)
      if (this.size === 0) return this.finish(0)
      if (this.size <= SMALL && this.sync === SYNC_NOTHING)
        return this.finish(copyData(this.source, this.copy, this.size, SYNC_NOTHING))
      this.node.copying = this
      this.u.channel.copyData(this.source, this.copy, this.size, this.sync, this)
      return PENDING
    } catch (error) {
      return this.finish(-toErrno(error))
    }
  }

  /** The pool has copied the data, or failed to. */
  complete(result: number): void {
    this.node.copying = null
    const error = this.finish(Math.min(result, 0))
    const { channel } = this.u
    for (const request of this.waiting)
      if (error < 0) channel.fail(request, -error)
      else channel.resume(request)
    for (const request of this.bystanders) channel.resume(request)
  }

  private get sync(): number {
    switch (this.u.options.sync) {
      case 'auto':
        return SYNC_RANGE
      case 'strict':
        return SYNC_FILE
      default:
        return SYNC_NOTHING
    }
  }

  private open(metadataOnly: boolean): void {
    const { u, node } = this
    if (!metadataOnly) {
      this.source = openObject(locateData(u, node), O_RDONLY)
      if (this.source < 0) throw new FsError(this.source, 'open', node.name)
    }
    if (node.hasUpper) {
      const to = locateUpper(u, node)
      this.check(
        statx(
          to.fd,
          to.name,
          to.name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW,
          this.lower,
          0,
        ),
      )
      this.copy = openObject(to, O_RDWR)
    } else {
      const { fd, name } = this.lowerAt()
      this.check(statx(fd, name, AT_SYMLINK_NOFOLLOW, this.lower, 0))
      this.temporary = u.work.temporary()
      this.copy = openat2(u.work.fd, this.temporary, O_CREAT | O_EXCL | O_RDWR, 0o600, 0)
    }
    if (this.copy < 0) {
      this.temporary = ''
      throw new FsError(this.copy, 'open', 'copy-up')
    }
  }

  private lowerAt(): { fd: number; name: string } {
    const { lowerDir, lowerName } = this.node
    if (lowerDir === null) throw new FsError(E.ESTALE, 'copy-up')
    return { fd: this.u.fd(lowerDir), name: lowerName }
  }

  private check(result: number): void {
    if (result < 0) throw new FsError(result, 'copy-up', this.node.name)
  }

  /** ovl_copy_up_meta: the size without the data, and the mark that says so. */
  private makeMetacopy(size: number): void {
    const { u, node } = this
    this.check(ftruncate(this.copy, size))
    const attribute = u.format.xattrs.metacopy
    this.check(setxattrat(u.work.fd, this.temporary, attribute, new Uint8Array(0), 0))
    node.dataDir ??= node.lowerDir
    node.dataName ||= node.lowerName
  }

  /** Attributes and publishing, or the undo of what was begun. Returns 0 or -errno. */
  private finish(result: number): number {
    let error = result
    try {
      if (error >= 0) error = this.temporary === '' ? this.completeData() : this.publish()
    } catch (thrown) {
      error = -toErrno(thrown)
    }
    if (error < 0 && this.temporary !== '') unlinkat(this.u.work.fd, this.temporary, 0)
    if (this.source >= 0) close(this.source)
    if (this.copy >= 0 && this.copy !== this.node.pinnedFd) close(this.copy)
    if (error >= 0) this.u.copyUps.files++
    this.u.copyUps.bytes += error < 0 ? 0 : this.size
    return error
  }

  /** ovl_copy_up_meta_inode_data: the data has arrived in the upper metacopy. */
  private completeData(): number {
    const { u, node } = this
    const at = locateUpper(u, node)
    const removed = removexattrat(at.fd, at.name, u.format.xattrs.metacopy)
    if (removed < 0 && removed !== -E.ENODATA) return removed
    if (at.name !== '') copyTimes(at, this.lower)
    node.dataDir = null
    u.files.forgetData(node)
    return 0
  }

  private publish(): number {
    const { u, node } = this
    const from = this.lowerAt()
    const lowerDir = node.lowerDir
    if (lowerDir === null) return -E.ESTALE
    const to = { fd: u.work.fd, name: this.temporary }
    let error = copyMetadata(u, from, to, this.lower)
    if (error >= 0) error = setOrigin(u, lowerDir, node.lowerName, to)
    if (error >= 0 && this.sync === SYNC_FILE) error = fsync(this.copy)
    if (error < 0) return error
    error =
      node.parent === null
        ? this.keepNameless()
        : publishFile(u, node, this.temporary, this.lower)
    if (error < 0) return error
    this.temporary = ''
    node.hasUpper = true
    node.hasOrigin = true
    if (node.dataDir !== null && this.size > 0) node.dataDir = null
    u.files.forgetData(node)
    return 0
  }

  /** The copy of a file that has no name any more needs none either. */
  private keepNameless(): number {
    const { u, node } = this
    node.pinnedFd = this.copy
    return unlinkat(u.work.fd, this.temporary, 0)
  }
}

/**
 * Gives a finished temporary its name in the upper directory: directly, or through the index
 * for one of several names of a lower inode (ovl_do_copy_up, ovl_link_up).
 */
function publishFile(
  u: Union,
  node: Node,
  temporary: string,
  lower: Uint32Array,
): number {
  if (node.parent === null) return -E.ESTALE
  const nlink = lower[ST.nlink] ?? 1
  if (u.stack.index !== null && nlink > 1 && node.lowerDir !== null) {
    const entry = u.stack.index.entryOf(node.lowerDir, node.lowerName)
    if (typeof entry === 'string') return publishIndexed(u, node, temporary, entry, nlink)
  }
  const parent = upperOf(node.parent)
  const error = setImpure(u, node.parent)
  if (error < 0) return error
  const fd = u.fd(parent)
  statx(fd, '', AT_EMPTY_PATH, parentRecord, 0)
  const renamed = renameat2(u.work.fd, temporary, u.fd(parent), node.name, 0)
  if (renamed < 0) return renamed
  copyTimes({ fd: u.fd(parent), name: '.' }, parentRecord)
  notePublished(node)
  return 0
}

function publishIndexed(
  u: Union,
  node: Node,
  temporary: string,
  entry: string,
  nlink: number,
): number {
  const index = u.stack.index
  if (index === null) return -E.EIO
  const { xattrs } = u.format
  let error = writeNlink(u.work.fd, temporary, xattrs, 'U', nlink, 1)
  if (error >= 0) error = renameat2(u.work.fd, temporary, index.fd, entry, 0)
  if (error < 0) return error
  node.indexEntry = entry
  node.hasUpper = true
  node.nlink = nlink
  rekey(u, node)
  const parent = node.parent
  return parent === null ? 0 : linkUp(u, node, parent, node.name, nlink)
}

/** The node's identity is the upper inode's from now on. */
function rekey(u: Union, node: Node): void {
  const index = u.stack.index
  if (index === null || index.lookup(node.indexEntry, record) < 0) return
  if (u.nodes.links.get(node.linkKey) === node) u.nodes.links.delete(node.linkKey)
  node.linkKey = `upper:${record[ST.ino + 1] ?? 0}:${record[ST.ino] ?? 0}`
  u.nodes.links.set(node.linkKey, node)
}

/**
 * ovl_link_up: links an indexed inode to one of its lower names, so that the name is in the
 * upper. `lowerNlink` is the lower inode's link count. 0 or -errno.
 */
export function linkUp(
  u: Union,
  node: Node,
  parent: Node,
  name: string,
  lowerNlink: number,
): number {
  const index = u.stack.index
  if (index === null || node.indexEntry === '') return -E.EIO
  let error = copyUpDirectory(u, parent)
  if (error >= 0) error = setImpure(u, parent)
  if (error < 0) return error
  const upper = upperOf(parent)
  statx(u.fd(upper), '', AT_EMPTY_PATH, parentRecord, 0)
  const { xattrs } = u.format
  error = writeNlink(index.fd, node.indexEntry, xattrs, 'L', node.nlink, lowerNlink)
  if (error >= 0) error = linkat(index.fd, node.indexEntry, u.fd(upper), name, 0)
  if (error < 0) return error
  copyTimes({ fd: u.fd(upper), name: '.' }, parentRecord)
  index.lookup(node.indexEntry, record)
  const real = record[ST.nlink] ?? 1
  return writeNlink(index.fd, node.indexEntry, xattrs, 'U', node.nlink, real)
}

/** Links, devices, FIFOs, sockets: made at once, since they have no data. */
function copySpecial(u: Union, node: Node): number {
  const lower = node.lowerDir
  if (lower === null) return -E.ESTALE
  let error = statx(u.fd(lower), node.lowerName, AT_SYMLINK_NOFOLLOW, record, 0)
  if (error < 0) return error
  const stat = record.slice()
  const temporary = u.work.temporary()
  error = makeSpecial(u, lower, node.lowerName, stat, temporary)
  if (error < 0) return error
  const to = { fd: u.work.fd, name: temporary }
  error = copyMetadata(u, { fd: u.fd(lower), name: node.lowerName }, to, stat)
  if (error >= 0)
    error = setOrigin(u, lower, node.lowerName, { fd: u.work.fd, name: temporary })
  if (error >= 0 && node.parent !== null) error = publishFile(u, node, temporary, stat)
  if (error >= 0 && node.parent === null) error = -E.ESTALE
  if (error < 0) {
    unlinkat(u.work.fd, temporary, 0)
    return error
  }
  node.hasUpper = true
  node.hasOrigin = true
  u.copyUps.files++
  return 0
}

function makeSpecial(
  u: Union,
  lower: LayerDirectory,
  name: string,
  stat: Uint32Array,
  temporary: string,
): number {
  const mode = stat[ST.mode] ?? 0
  if ((mode & S_IFMT) !== S_IFLNK)
    return mknodat(u.work.fd, temporary, mode & S_IFMT, stat[ST.rdev] ?? 0)
  const length = readlinkat(u.fd(lower), name, target, 0)
  if (length < 0) return length
  return symlinkat(target.latin1Slice(0, length), u.work.fd, temporary)
}

function copyOneDirectory(u: Union, node: Node): number {
  const lower = node.dir?.lowers[0]
  const { parent } = node
  if (lower?.parent == null || parent === null || u.stack.upper === null) return -E.ESTALE
  if (node.dir === null) return -E.ENOTDIR
  let error = statx(u.fd(lower.parent), lower.name, AT_SYMLINK_NOFOLLOW, record, 0)
  if (error < 0) return error
  const stat = record.slice()
  if (((stat[ST.mode] ?? 0) & S_IFMT) !== S_IFDIR) return -E.ESTALE
  const temporary = u.work.temporary()
  error = mkdirat(u.work.fd, temporary, 0o700)
  if (error < 0) return error
  const to = { fd: u.work.fd, name: temporary }
  error = copyMetadata(u, { fd: u.fd(lower.parent), name: lower.name }, to, stat)
  if (error >= 0) error = setOrigin(u, lower.parent, lower.name, to)
  if (error >= 0) error = setImpure(u, parent)
  if (error >= 0) error = publishDirectory(u, parent, temporary, node.name)
  if (error < 0) {
    u.work.discardDirectory(temporary)
    return error
  }
  node.dir.upper = new LayerDirectory(u.stack.upper, upperOf(parent), node.name)
  node.hasUpper = true
  node.hasOrigin = true
  notePublished(node)
  u.copyUps.directories++
  return 0
}

function publishDirectory(
  u: Union,
  parent: Node,
  temporary: string,
  name: string,
): number {
  const upper = upperOf(parent)
  statx(u.fd(upper), '', AT_EMPTY_PATH, parentRecord, 0)
  if (u.options.sync === 'strict') {
    const fd = openat2(u.work.fd, temporary, O_RDONLY, 0, 0)
    if (fd >= 0) fsync(fd)
    if (fd >= 0) close(fd)
  }
  const renamed = renameat2(u.work.fd, temporary, u.fd(upper), name, 0)
  if (renamed < 0) return renamed
  copyTimes({ fd: u.fd(upper), name: '.' }, parentRecord)
  return 0
}

/** The parent's listing goes on being true: the name lies in the upper now, and below. */
function notePublished(node: Node): void {
  const entry = node.parent?.dir?.listing?.find(node.name) ?? null
  if (entry === null) return
  entry.place = 0
  entry.several = true
}
