// A directory of one layer: where it is, and a descriptor of it that the cache may close at any
// time and that is opened again from the nearest open ancestor. Names are followed one
// component at a time and never through a symlink or out of the layer.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../sys/constants.js'
import { close, isArchived, openat2 } from './object-calls.js'
import type { FdCache, FdHolder } from './fd-cache.js'
import type { LayerFormat } from './format.js'
import type { Layer } from './layer.js'
import { opaqueValue, setXattrWhiteouts } from './opaque.js'

const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS

export class LayerDirectory implements FdHolder {
  fd = -1
  used = 0
  busy = 0
  /** The descriptor was opened without read permission and cannot list. */
  pathOnly = false

  readonly layer: Layer
  parent: LayerDirectory | null
  name: string

  /** `parent` is null for the layer's root; `name` may have several components. */
  constructor(layer: Layer, parent: LayerDirectory | null, name: string) {
    this.layer = layer
    this.parent = parent
    this.name = name
  }

  /** A descriptor for *at calls, valid until the next use of the cache. -errno on failure. */
  open(cache: FdCache): number {
    if (this.fd >= 0) {
      cache.touch(this)
      return this.fd
    }
    if (this.parent === null) return this.layer.rootFd
    const chain: LayerDirectory[] = []
    let at = this.parent
    while (at.fd < 0 && at.parent !== null) {
      chain.push(at)
      at = at.parent
    }
    let base = at.fd < 0 ? at.layer.rootFd : at.fd
    let transient = -1
    for (const step of [...chain.reverse(), this]) {
      const fd = step.openFrom(base)
      if (transient >= 0) close(transient)
      if (fd < 0) return fd
      base = transient = fd
    }
    this.fd = base
    if (!isArchived(base)) cache.admit(this)
    return base
  }

  /** The same, throwing FsError: for callers that have nothing to answer but an error. */
  mustOpen(cache: FdCache): number {
    const fd = this.open(cache)
    if (fd < 0) throw new FsError(fd, 'open', this.path())
    return fd
  }

  /** The path below the layer's root, '' for the root itself. */
  path(): string {
    if (this.parent === null) return ''
    const parts = [this.name]
    for (let d = this.parent; d.parent !== null; d = d.parent) parts.push(d.name)
    return parts.reverse().join('/')
  }

  /**
   * Whether xattr whiteouts may be in it: its `opaque` is `x`. Asked of the disk once.
   */
  hasXattrWhiteouts(cache: FdCache, format: LayerFormat): boolean {
    if (!format.xattrWhiteouts) return false
    this.xattrWhiteouts ??= opaqueValue(this.mustOpen(cache), '', format) === 'x'
    return this.xattrWhiteouts
  }

  /** Makes xattr whiteouts in it count, before the first one is there. 0 or -errno. */
  markXattrWhiteouts(cache: FdCache, format: LayerFormat): number {
    if (this.hasXattrWhiteouts(cache, format)) return 0
    const error = setXattrWhiteouts(this.mustOpen(cache), format)
    if (error >= 0) this.xattrWhiteouts = true
    return Math.min(error, 0)
  }

  private xattrWhiteouts: boolean | null = null

  private openFrom(base: number): number {
    const fd = openat2(base, this.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, BENEATH)
    this.pathOnly = fd === -E.EACCES
    if (!this.pathOnly) return fd
    return openat2(base, this.name, O_PATH | O_DIRECTORY | O_NOFOLLOW, 0, BENEATH)
  }
}
