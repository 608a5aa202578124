// The index (index=on): one entry a copied-up lower hard link, named by the hex of the lower
// inode's handle and linked to the upper inode, so that all names of it find the same copy
// (fs/overlayfs/namei.c: ovl_lookup_index, ovl_verify_index; super.c: ovl_get_indexdir).
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import type { FdCache } from '../layer/fd-cache.js'
import {
  checkHandle,
  encodeHandle,
  handleOfIndexName,
  handleUuid,
  indexName,
  openHandle,
} from '../layer/file-handle.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import type { Layer } from '../layer/layer.js'
import type { OverlayXattrs } from '../layer/overlay-xattrs.js'
import { readDirectory } from '../layer/read-directory.js'
import { log } from '../log/log.js'
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  S_IFCHR,
  S_IFDIR,
} from '../sys/constants.js'
import { close, statx } from '../layer/object-calls.js'
import { mkdirat, unlinkat } from '../sys/inode.js'
import { ST, STAT_WORDS, statType } from '../sys/stat.js'
import { getxattrat, setxattrat } from '../sys/xattr.js'
import { readNlink } from './nlink.js'
import { StaleBinding } from './stale-binding.js'

const MAX_HANDLE = 256

export class IndexDirectory {
  readonly directory: LayerDirectory
  private readonly stat = new Uint32Array(STAT_WORDS)

  private readonly fds: FdCache
  private readonly xattrs: OverlayXattrs
  private readonly lowers: readonly Layer[]

  private constructor(
    layer: Layer,
    fds: FdCache,
    xattrs: OverlayXattrs,
    lowers: readonly Layer[],
  ) {
    this.fds = fds
    this.xattrs = xattrs
    this.lowers = lowers
    this.directory = new LayerDirectory(layer, layer.root, 'index')
  }

  /**
   * Whether these layers may be used together, before anything is written. Throws StaleBinding when
   * the upper was used with another lower, or the index with another upper.
   */
  static verify(
    work: Layer,
    upper: Layer,
    lowers: readonly Layer[],
    xattrs: OverlayXattrs,
  ): void {
    const [first] = lowers
    if (first === undefined) throw new FsError(E.EINVAL, 'index')
    isBound(upper.rootFd, '', toLower(xattrs, first))
    isBound(work.rootFd, 'index', toUpper(xattrs, upper))
  }

  /**
   * Makes or verifies the index directory and removes what ovl_indexdir_cleanup would. Throws
   * FsError: StaleBinding as `verify` does.
   */
  static prepare(
    work: Layer,
    upper: Layer,
    lowers: readonly Layer[],
    fds: FdCache,
    xattrs: OverlayXattrs,
  ): IndexDirectory {
    const index = new IndexDirectory(work, fds, xattrs, lowers)
    const first = lowers[0]
    if (first === undefined) throw new FsError(E.EINVAL, 'index')
    bind(upper.rootFd, toLower(xattrs, first))
    const made = mkdirat(work.rootFd, 'index', 0)
    if (made < 0 && made !== -E.EEXIST)
      throw new FsError(made, 'mkdir', `${work.path}/index`)
    bind(index.fd, toUpper(xattrs, upper))
    if (made === -E.EEXIST) index.cleanUp()
    return index
  }

  get fd(): number {
    return this.directory.mustOpen(this.fds)
  }

  /** The name of a lower inode's entry, or -errno where it has no handle. */
  entryOf(lower: LayerDirectory, name: string): string | number {
    const handle = encodeHandle(lower.mustOpen(this.fds), name, lower.layer.uuid, false)
    return typeof handle === 'number' ? handle : indexName(handle)
  }

  /** The entry that an upper object's `origin` stands for; null where it has none. */
  entryOfOrigin(dirfd: number, name: string): string | null {
    const origin = Buffer.alloc(MAX_HANDLE)
    const length = getxattrat(dirfd, name, this.xattrs.origin, origin)
    const handle = origin.subarray(0, Math.max(length, 0))
    return length > 0 && checkHandle(handle) === 0 ? indexName(handle) : null
  }

  /** Fills `record` with the entry's attributes. Returns 0, or -errno (ENOENT: not indexed). */
  lookup(entry: string, record: Uint32Array): number {
    return statx(this.fd, entry, AT_SYMLINK_NOFOLLOW, record, 0)
  }

  /** The last name of an indexed inode has gone (ovl_cleanup_index). */
  remove(entry: string): void {
    unlinkat(this.fd, entry, 0)
  }

  private cleanUp(): void {
    const names: string[] = []
    readDirectory(this.directory, this.fds, name => {
      names.push(name)
    })
    for (const name of names) {
      if (name.startsWith('#')) this.removeAny(name)
      else this.cleanEntry(name)
    }
  }

  /** ovl_verify_index and what ovl_indexdir_cleanup does with its answer. */
  private cleanEntry(name: string): void {
    const handle = handleOfIndexName(name)
    const bad = handle === null ? -E.EINVAL : checkHandle(handle)
    if (handle === null || bad < 0)
      throw new FsError(bad, 'index', `${name} is not an index entry; remove it by hand`)
    if (statx(this.fd, name, AT_SYMLINK_NOFOLLOW, this.stat, 0) < 0) return
    const type = statType(this.stat)
    if (type === S_IFDIR || (type === S_IFCHR && this.stat[ST.rdev] === 0)) return
    const origin = Buffer.alloc(MAX_HANDLE)
    const length = getxattrat(this.fd, name, this.xattrs.origin, origin)
    const stale = length < 0 || !origin.subarray(0, length).equals(handle)
    if (stale || (this.stat[ST.nlink] === 1 && this.isOrphan(name, handle))) {
      log.info(`index entry ${name} is ${stale ? 'stale' : 'orphaned'}, removed`)
      unlinkat(this.fd, name, 0)
    }
  }

  /** Whether the union nlink of an entry with no upper name has come down to nothing. */
  private isOrphan(name: string, handle: Buffer): boolean {
    const uuid = handleUuid(handle)
    for (const lower of this.lowers) {
      if (!lower.hasUuid(uuid)) continue
      const fd = openHandle(lower.rootFd, handle)
      if (fd < 0) continue
      const upperNlink = this.stat[ST.nlink] ?? 0
      const origin = new Uint32Array(STAT_WORDS)
      const known = statx(fd, '', AT_EMPTY_PATH, origin, 0) === 0
      close(fd)
      const lowerNlink = origin[ST.nlink] ?? 0
      return (
        known && readNlink(this.fd, name, this.xattrs, lowerNlink, upperNlink, 0) === 0
      )
    }
    return true
  }

  private removeAny(name: string): void {
    if (unlinkat(this.fd, name, 0) === -E.EISDIR) unlinkat(this.fd, name, AT_REMOVEDIR)
  }
}

/** What an attribute has to say of the layer that an upper or an index belongs to. */
interface Binding {
  readonly attribute: string
  readonly handle: Buffer
  /** What it is when it says something else. */
  readonly stale: string
}

function toLower(xattrs: OverlayXattrs, lower: Layer): Binding {
  return {
    attribute: xattrs.origin,
    handle: handleOf(lower, false),
    stale: 'the upper directory was used with another lower',
  }
}

function toUpper(xattrs: OverlayXattrs, upper: Layer): Binding {
  return {
    attribute: xattrs.upper,
    handle: handleOf(upper, true),
    stale: 'the work directory was used with another upper',
  }
}

function handleOf(layer: Layer, isUpper: boolean): Buffer {
  const handle = encodeHandle(layer.rootFd, '', layer.uuid, isUpper)
  if (typeof handle === 'number')
    throw new FsError(handle, 'name_to_handle_at', layer.path)
  return handle
}

/** Whether the binding is there; throws StaleBinding where it is another (ovl_verify_fh). */
function isBound(dirfd: number, name: string, binding: Binding): boolean {
  const stored = Buffer.alloc(MAX_HANDLE)
  const length = getxattrat(dirfd, name, binding.attribute, stored)
  if (length === -E.ENODATA || length === -E.ENOENT) return false
  if (length < 0) throw new FsError(length, 'getxattr', binding.attribute)
  if (!stored.subarray(0, length).equals(binding.handle))
    throw new StaleBinding(binding.stale)
  return true
}

/** ovl_verify_set_fh: stores a layer root's handle in an attribute, or compares it. */
function bind(fd: number, binding: Binding): void {
  if (isBound(fd, '', binding)) return
  const set = setxattrat(fd, '', binding.attribute, binding.handle, 0)
  if (set < 0) throw new FsError(set, 'setxattr', binding.attribute)
}
