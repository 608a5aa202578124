// The copy-up of one regular file, which may take long: the data is copied by the pool, then the
// rest follows and the copy is published. A node that is being copied has a queue, and publishing
// reads its parent and name anew. The lower file is only ever opened for reading.
import { E } from '../errno/errno.js'
import { FsError, toErrno } from '../errno/fs-error.js'
import { type Completion, PENDING } from '../fuse/operations.js'
import type { Request } from '../fuse/request.js'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
} from '../sys/constants.js'
import { close, fsync, ftruncate, openat2 } from '../sys/file.js'
import { statx, unlinkat } from '../sys/inode.js'
import { copyData } from '../sys/pool.js'
import { ST, STAT_WORDS, statNumber } from '../sys/stat.js'
import { removexattrat, setxattrat } from '../sys/xattr.js'
import type { ArchivedFile } from '../layer/archive-layer/archived-file.js'
import { ArchivedCopy, archivedData } from './archived-data.js'
import { readLower } from './attributes.js'
import { copyInodeFlags, copyMetadata, copyTimes, setOrigin } from './copy-metadata.js'
import { locateData, locateUpper, openObject } from './locate.js'
import type { Node } from './node.js'
import { keepPin } from './pins.js'
import { publishFile } from './publish.js'
import type { Union } from './union.js'

/** Data that costs less to copy here than to hand over, when nothing has to be flushed. */
const SMALL = 65_536

const SYNC_NOTHING = 0
const SYNC_RANGE = 1
const SYNC_FILE = 2

/** The copy of one regular file, from its start to its publishing. */
export class CopyUp implements Completion {
  /** Requests that need the copy: they go on, or get its error. */
  readonly waiting: Request[] = []
  /** Requests that only wait for the end of it. */
  readonly bystanders: Request[] = []
  private source = -1
  /** The data, where it lies in an archive: then there is no source. */
  private archived: ArchivedFile | null = null
  private copy = -1
  /** Name in the work directory; '' when the data goes into the upper file itself. */
  private temporary = ''
  private readonly lower = new Uint32Array(STAT_WORDS)
  /** Bytes that are copied. */
  private size = 0
  /** The data stays below. */
  private isMetacopy = false
  /** It has less data than the lower: the request truncates it. */
  private isCut = false
  /** How it has ended; null before. */
  private ended: number | null = null

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
      this.isMetacopy = metadataOnly
      this.size = metadataOnly ? 0 : Math.min(all, limit)
      this.isCut = !metadataOnly && this.size < all
      if (metadataOnly) this.makeMetacopy(all)
      if (this.size === 0) return this.finish(0)
      if (this.size <= SMALL && this.sync === SYNC_NOTHING)
        return this.finish(this.copyHere())
      this.node.copying = this
      if (this.archived === null)
        this.u.channel.copyData(this.source, this.copy, this.size, this.sync, this)
      else this.copyOf(this.archived).start(this.u.channel, this.u.spans, this)
      // A first step that fails ends it at once: nobody has been parked for it yet.
      return this.ended ?? PENDING
    } catch (error) {
      return this.finish(-toErrno(error))
    }
  }

  /** The pool has copied the data, or failed to. */
  complete(result: number): void {
    this.node.copying = null
    const error = this.finish(Math.min(result, 0))
    this.ended = error
    const { channel } = this.u
    for (const request of this.waiting)
      if (error < 0) channel.fail(request, -error)
      else channel.resume(request)
    for (const request of this.bystanders) channel.resume(request)
  }

  private copyHere(): number {
    if (this.archived !== null) return this.copyOf(this.archived).now()
    return copyData(this.source, this.copy, this.size, SYNC_NOTHING)
  }

  private copyOf(archived: ArchivedFile): ArchivedCopy {
    return new ArchivedCopy(archived, this.copy, this.size, this.sync)
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
    if (!metadataOnly) this.archived = archivedData(u, node)
    if (!metadataOnly && this.archived === null) {
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
      const { lowerDir, lowerName } = node
      if (lowerDir === null) throw new FsError(E.ESTALE, 'copy-up')
      this.check(readLower(u, lowerDir, lowerName, this.lower))
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
    const cut = this.cutOff()
    if (cut < 0) return cut
    const at = locateUpper(u, node)
    const removed = removexattrat(at.fd, at.name, u.format.xattrs.metacopy)
    if (removed < 0 && removed !== -E.ENODATA) return removed
    if (at.name !== '' && !this.isCut) copyTimes(at, this.lower)
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
    let error = copyMetadata(u, lowerDir.layer, from, to, this.lower)
    if (error >= 0) error = this.cutOff()
    if (error >= 0) error = setOrigin(u, lowerDir, node.lowerName, to, this.lower)
    if (error >= 0 && this.source >= 0) error = copyInodeFlags(this.source, this.copy)
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
    if (!this.isMetacopy) node.dataDir = null
    u.files.forgetData(node)
    return 0
  }

  /**
   * The truncation that the copy is made for comes before the copy is seen, so that nobody ever
   * finds less data than there was under the old size. As ftruncate(2) it sets the times, and the
   * truncation of the request then finds nothing to change. 0 or -errno.
   */
  private cutOff(): number {
    return this.isCut ? ftruncate(this.copy, this.size) : 0
  }

  /** The copy of a file that has no name any more needs none either. */
  private keepNameless(): number {
    const { u, node } = this
    if (!u.pins.haveRoom) {
      keepPin(u, node, this.temporary)
      return 0
    }
    const error = unlinkat(u.work.fd, this.temporary, 0)
    if (error >= 0) keepPin(u, node, this.copy)
    return error
  }
}
