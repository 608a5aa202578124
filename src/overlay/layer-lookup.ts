// One name, or one redirected path, looked up in one layer: ovl_lookup_layer and
// ovl_lookup_single of fs/overlayfs/namei.c. The state goes from layer to layer downwards.
import { E } from '../errno/errno.js'
import type { FdCache } from '../layer/fd-cache.js'
import { isDotName, type LayerFormat } from '../layer/format.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import { applyOverride } from '../layer/owner-override.js'
import { opaqueValue } from '../layer/opaque.js'
import { hasDotWhiteout, isDeviceWhiteout, isXattrWhiteout } from '../layer/whiteout.js'
import { AT_SYMLINK_NOFOLLOW, S_IFDIR, S_IFREG } from '../sys/constants.js'
import { getxattrat, statx } from '../layer/object-calls.js'
import { STAT_WORDS, statType } from '../sys/stat.js'

/** ovl_lookup_data. */
export class LookupState {
  /** A name, or an absolute path after an absolute redirect. */
  name = ''
  isDirectory = false
  /** The topmost directory hides everything below. */
  opaque = false
  /** A whiteout was found: below it there is nothing. */
  whiteout = false
  stop = false
  /** No further layer follows, so markers need not be read. */
  last = false
  redirect: string | null = null
  metacopy = false

  // What the last step found.
  /** The object's directory and name; null when the layer has nothing. */
  parent: LayerDirectory | null = null
  leaf = ''
  readonly record = new Uint32Array(STAT_WORDS)

  /** Forgets what the last step found. */
  miss(): void {
    this.parent = null
  }

  begin(name: string, last: boolean): void {
    this.name = name
    this.isDirectory = false
    this.opaque = false
    this.whiteout = false
    this.stop = false
    this.last = last
    this.redirect = null
    this.metacopy = false
    this.parent = null
  }
}

const value = Buffer.alloc(4096)
const nothing = new Uint8Array(0)

export class LayerLookup {
  private readonly format: LayerFormat
  private readonly fds: FdCache
  private readonly followsRedirects: boolean

  constructor(format: LayerFormat, fds: FdCache, followsRedirects: boolean) {
    this.format = format
    this.fds = fds
    this.followsRedirects = followsRedirects
  }

  /**
   * Looks `d.name` up below `base` (the layer's root for an absolute path). Afterwards
   * `d.parent` says whether and where something was found. Returns 0 or -errno.
   */
  lookup(base: LayerDirectory, d: LookupState): number {
    d.miss()
    if (!d.name.startsWith('/')) return this.single(base, d, d.name, 0, '')
    let directory = base
    let rest = d.name.length - 1
    for (;;) {
      const start = d.name.length - rest
      const slash = d.name.indexOf('/', start)
      const end = slash < 0 ? d.name.length : slash
      const component = d.name.slice(start, end)
      const post = d.name.slice(end)
      d.miss()
      const error = this.single(directory, d, component, start, post)
      if (error < 0 || d.parent === null || post === '') return error
      if (statType(d.record) !== S_IFDIR) {
        d.parent = null
        return 0
      }
      directory = new LayerDirectory(directory.layer, directory, component)
      rest -= end - start + 1
    }
  }

  /** `prefix` characters of `d.name` come before the component, `post` after it. */
  private single(
    base: LayerDirectory,
    d: LookupState,
    component: string,
    prefix: number,
    post: string,
  ): number {
    const fd = base.open(this.fds)
    if (fd < 0) return fd === -E.ENOENT ? 0 : fd
    if (this.format.dotWhiteouts && isDotName(component)) return 0
    const error = statx(fd, component, AT_SYMLINK_NOFOLLOW, d.record, 0)
    if (error < 0 && error !== -E.ENOENT && error !== -E.ENAMETOOLONG) return error
    if (hasDotWhiteout(fd, component, this.format)) return this.hide(d)
    if (error < 0) return 0
    return this.classify(base, fd, d, component, prefix, post)
  }

  /** Judges an object that exists: hidden, file, directory, marked. */
  private classify(
    base: LayerDirectory,
    fd: number,
    d: LookupState,
    component: string,
    prefix: number,
    post: string,
  ): number {
    if (isDeviceWhiteout(d.record)) return this.hide(d)
    if (!d.last && this.isXattrWhiteout(base, fd, component, d)) return this.hide(d)
    const { override } = base.layer
    if (override !== null) applyOverride(override, fd, component, d.record)
    const isLast = post === ''
    const type = statType(d.record)
    if (isLast && d.metacopy && type !== S_IFREG) {
      d.stop = true
      return 0
    }
    const goesOn =
      type === S_IFDIR
        ? this.isOpenDirectory(base, fd, d, component, isLast)
        : this.isFileWithoutData(base, fd, d, component, isLast)
    if (goesOn) this.checkRedirect(fd, d, component, prefix, post)
    return 0
  }

  /** Notes a directory; true when layers below may merge with it. */
  private isOpenDirectory(
    base: LayerDirectory,
    fd: number,
    d: LookupState,
    name: string,
    isLast: boolean,
  ): boolean {
    if (isLast) d.isDirectory = true
    d.parent = base
    d.leaf = name
    if (d.last) return false
    if (opaqueValue(fd, name, this.format) !== 'y') return true
    d.stop = true
    if (isLast) d.opaque = true
    return false
  }

  /** Notes a file, unless it lies below a directory; true when its data is to be found below. */
  private isFileWithoutData(
    base: LayerDirectory,
    fd: number,
    d: LookupState,
    name: string,
    isLast: boolean,
  ): boolean {
    if (d.isDirectory || !isLast) {
      d.stop = true
      return false
    }
    d.parent = base
    d.leaf = name
    d.metacopy = this.isMetacopy(fd, name, statType(d.record))
    d.stop = !d.metacopy
    return d.metacopy && !d.last
  }

  private isXattrWhiteout(
    base: LayerDirectory,
    fd: number,
    name: string,
    d: LookupState,
  ): boolean {
    if (!base.hasXattrWhiteouts(this.fds, this.format)) return false
    return isXattrWhiteout(fd, name, d.record, this.format)
  }

  private hide(d: LookupState): number {
    d.stop = d.opaque = d.whiteout = true
    d.parent = null
    return 0
  }

  private isMetacopy(fd: number, name: string, type: number): boolean {
    if (!this.format.redirects || type !== S_IFREG) return false
    return getxattrat(fd, name, this.format.xattrs.metacopy, nothing) >= 0
  }

  /** ovl_check_redirect: an absolute path replaces the name, a bare one its component. */
  private checkRedirect(
    fd: number,
    d: LookupState,
    component: string,
    prefix: number,
    post: string,
  ): void {
    if (!this.format.redirects) return
    const length = getxattrat(fd, component, this.format.xattrs.redirect, value)
    if (length <= 0) return
    const redirect = value.latin1Slice(0, length).replace(/\0.*$/s, '')
    if (!isValidRedirect(redirect)) return
    if (redirect.startsWith('/')) {
      d.stop = false
      d.redirect = redirect + post
    } else {
      d.redirect = d.name.slice(0, prefix) + redirect + post
    }
    d.name = d.redirect
  }

  get obeysRedirects(): boolean {
    return this.followsRedirects
  }
}

/** An absolute path without empty components, or a single name. */
function isValidRedirect(redirect: string): boolean {
  if (redirect === '') return false
  if (!redirect.startsWith('/')) return !redirect.includes('/')
  return redirect
    .slice(1)
    .split('/')
    .every(part => part !== '' && part !== '.' && part !== '..')
}
