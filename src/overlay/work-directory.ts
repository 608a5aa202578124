// The work directory: temporary objects that become visible by one rename, and the whiteout
// that all whiteouts are links of (ovl_workdir_create, ovl_lookup_temp, ovl_whiteout).
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import type { FdCache } from '../layer/fd-cache.js'
import type { LayerFormat } from '../layer/format.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import type { Layer } from '../layer/layer.js'
import { readDirectory } from '../layer/read-directory.js'
import { setOpaque } from '../layer/opaque.js'
import { makeWhiteout } from '../layer/whiteout.js'
import { AT_REMOVEDIR, RENAME_EXCHANGE } from '../sys/constants.js'
import { fchmodat, linkat, mkdirat, renameat2, unlinkat } from '../sys/inode.js'

const DT_DIR = 4

export class WorkDirectory {
  readonly directory: LayerDirectory
  private counter = 0
  /** Name of the shared whiteout in the work directory, '' until the first one is needed. */
  private whiteout = ''

  private readonly layer: Layer
  private readonly fds: FdCache
  private readonly format: LayerFormat

  private constructor(layer: Layer, fds: FdCache, format: LayerFormat) {
    this.layer = layer
    this.fds = fds
    this.format = format
    this.directory = new LayerDirectory(layer, layer.root, 'work')
  }

  /** Makes `work/`, or empties what an earlier mount left in it. Throws FsError. */
  static prepare(layer: Layer, fds: FdCache, format: LayerFormat): WorkDirectory {
    const work = new WorkDirectory(layer, fds, format)
    const made = mkdirat(layer.rootFd, 'work', work.mode)
    if (made < 0 && made !== -E.EEXIST)
      throw new FsError(made, 'mkdir', `${layer.path}/work`)
    const fd = work.fd
    fchmodat(fd, '.', work.mode, 0)
    if (made === -E.EEXIST) work.empty(work.directory)
    return work
  }

  get fd(): number {
    return this.directory.mustOpen(this.fds)
  }

  /** Nobody's, as the kernel makes it; ours where we could not pass ourselves then. */
  private readonly mode = process.geteuid?.() === 0 ? 0 : 0o700

  /** A name no other temporary has (ovl_tempname). */
  temporary(): string {
    this.counter++
    return `#${this.counter.toString(16)}`
  }

  /** Removes a temporary that was not published; what cannot go is left to the next mount. */
  discard(name: string): void {
    if (unlinkat(this.fd, name, 0) === -E.EISDIR) this.discardDirectory(name)
  }

  discardDirectory(name: string): void {
    this.empty(new LayerDirectory(this.layer, this.directory, name))
    unlinkat(this.fd, name, AT_REMOVEDIR)
  }

  /**
   * Makes a whiteout under a name that does not exist: a link of the shared one, a new one
   * where the filesystem takes no more links. Returns 0 or -errno.
   */
  linkWhiteout(dirfd: number, name: string): number {
    for (let attempt = 0; attempt < 2; attempt++) {
      const ready = this.sharedWhiteout()
      if (ready < 0) return ready
      const linked = linkat(this.fd, this.whiteout, dirfd, name, 0)
      if (linked !== -E.EMLINK && linked !== -E.ENOENT && linked !== -E.EPERM)
        return linked
      if (linked === -E.EPERM) return makeWhiteout(dirfd, name, this.format)
      this.whiteout = ''
    }
    return -E.EIO
  }

  /** Puts a whiteout over an existing non-directory, atomically. */
  renameWhiteout(dirfd: number, name: string): number {
    const temporary = this.temporary()
    const made = this.linkWhiteout(this.fd, temporary)
    if (made < 0) return made
    const renamed = renameat2(this.fd, temporary, dirfd, name, 0)
    if (renamed < 0) this.discard(temporary)
    return renamed
  }

  /**
   * Puts a whiteout in the place of a directory (RENAME_EXCHANGE), which is left here under the
   * name that is returned. -errno on failure.
   */
  exchangeWhiteout(dirfd: number, name: string): number | string {
    const temporary = this.temporary()
    const made = this.linkWhiteout(this.fd, temporary)
    if (made < 0) return made
    const renamed = renameat2(this.fd, temporary, dirfd, name, RENAME_EXCHANGE)
    if (renamed >= 0) return temporary
    this.discard(temporary)
    return renamed
  }

  /** Marks a temporary directory opaque. */
  makeOpaque(name: string): number {
    return setOpaque(this.fd, name, this.format)
  }

  private sharedWhiteout(): number {
    if (this.whiteout !== '') return 0
    const name = this.temporary()
    const made = makeWhiteout(this.fd, name, this.format)
    if (made >= 0) this.whiteout = name
    return made
  }

  /** Removes everything below a directory of the work layer (ovl_workdir_cleanup). */
  private empty(directory: LayerDirectory): void {
    const entries: { name: string; isDirectory: boolean }[] = []
    readDirectory(directory, this.fds, (name, type) => {
      entries.push({ name, isDirectory: type === DT_DIR })
    })
    for (const { name, isDirectory } of entries) {
      if (isDirectory) this.empty(new LayerDirectory(this.layer, directory, name))
      const fd = directory.mustOpen(this.fds)
      const removed = unlinkat(fd, name, isDirectory ? AT_REMOVEDIR : 0)
      if (removed === -E.EISDIR) {
        this.empty(new LayerDirectory(this.layer, directory, name))
        unlinkat(directory.mustOpen(this.fds), name, AT_REMOVEDIR)
      }
    }
    this.fds.drop(directory)
  }
}
