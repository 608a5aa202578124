// The overlay's own extended attributes: how they are spelled in each format, which of them a
// user must not see, and how a nested overlay's are kept (overlayfs.rst, "Nesting overlayfs
// mounts"; fs/overlayfs/xattrs.c).

export type AttributeFamily = 'trusted' | 'user' | 'fuse-overlayfs'

type Name =
  | 'opaque'
  | 'redirect'
  | 'origin'
  | 'impure'
  | 'nlink'
  | 'metacopy'
  | 'upper'
  | 'uuid'
  | 'protattr'
  | 'whiteout'

/** Prefixes fuse-overlayfs keeps to itself. */
const FUSE_OVERLAYFS_HIDDEN = ['user.fuseoverlayfs.', 'trusted.overlay.', 'user.overlay.']
const OVERRIDE_HIDDEN = 'security.fuseoverlayfs.'
/** Before names that a layer with `user.containers.override_stat` keeps in another place. */
const STORED = 'user.containers.override_'
/** What can be had only by those who may write anything: stored under a name that all may. */
const PRIVILEGED = 'security.'
/** XATTR_NAME_MAX. */
const NAME_MAX = 255
/** The kernel's `origin`, which fuse-overlayfs reads as well. */
const KERNEL_ORIGIN = 'trusted.overlay.origin'

export class OverlayXattrs {
  /** `trusted.overlay.` and so on. */
  readonly prefix: string
  private readonly escape: string

  private readonly family: AttributeFamily

  constructor(family: AttributeFamily) {
    this.family = family
    this.prefix =
      family === 'trusted'
        ? 'trusted.overlay.'
        : family === 'user'
          ? 'user.overlay.'
          : 'user.fuseoverlayfs.'
    this.escape = `${this.prefix}overlay.`
    this.opaque = `${this.prefix}opaque`
    this.redirect = `${this.prefix}redirect`
    this.origin = `${this.prefix}origin`
    this.handleOrigin = this.isKernel ? this.origin : KERNEL_ORIGIN
    this.impure = `${this.prefix}impure`
    this.nlink = `${this.prefix}nlink`
    this.metacopy = `${this.prefix}metacopy`
    this.upper = `${this.prefix}upper`
    this.uuid = `${this.prefix}uuid`
    this.protattr = `${this.prefix}protattr`
    this.whiteout = `${this.prefix}whiteout`
  }

  readonly opaque: string
  readonly redirect: string
  readonly origin: string
  /** The attribute whose value is a file handle. */
  readonly handleOrigin: string
  readonly impure: string
  readonly nlink: string
  readonly metacopy: string
  readonly upper: string
  readonly uuid: string
  readonly protattr: string
  readonly whiteout: string

  /** Whether redirects and metacopy of this family may be obeyed at all. */
  get isKernel(): boolean {
    return this.family !== 'fuse-overlayfs'
  }

  /**
   * The name on disk of an attribute a user names; null where there is none to be had.
   * fuse-overlayfs keeps its own prefixes out of reach, but on a layer that `stores` owners in
   * `user.containers.override_stat`: there they, and all of `security.`, go behind a prefix.
   */
  toDisk(name: string, stores = false): string | null {
    if (this.family === 'fuse-overlayfs') return toStored(name, stores)
    return name.startsWith(this.prefix)
      ? this.escape + name.slice(this.prefix.length)
      : name
  }

  /** The name a user sees of an attribute on disk; null for our own. */
  fromDisk(name: string, stores = false): string | null {
    if (this.family === 'fuse-overlayfs') return fromStored(name, stores)
    if (!name.startsWith(this.prefix)) return name
    return name.startsWith(this.escape)
      ? this.prefix + name.slice(this.escape.length)
      : null
  }

  /**
   * The name under which a copy-up takes an attribute along from a layer to the upper; null for
   * what it leaves behind (ovl_is_private_xattr). Escaped ones are copied as they are.
   */
  carried(name: string, stores: boolean, upperStores: boolean): string | null {
    const shown = this.fromDisk(name, stores)
    return shown === null ? null : this.toDisk(shown, upperStores)
  }
}

/** fuse-overlayfs's can_access_xattr, the other way round. */
function isHidden(name: string, stores: boolean): boolean {
  return (
    FUSE_OVERLAYFS_HIDDEN.some(prefix => name.startsWith(prefix)) ||
    name.startsWith(stores ? PRIVILEGED : OVERRIDE_HIDDEN)
  )
}

/** Its encode_xattr_name. The stored forms themselves cannot be named. */
function toStored(name: string, stores: boolean): string | null {
  if (name.startsWith(STORED)) return null
  if (!isHidden(name, stores)) return name
  return stores && STORED.length + name.length <= NAME_MAX ? STORED + name : null
}

/** Its decode_xattr_name. */
function fromStored(name: string, stores: boolean): string | null {
  if (!name.startsWith(STORED)) return isHidden(name, stores) ? null : name
  const shown = name.slice(STORED.length)
  return stores && isHidden(shown, true) ? shown : null
}

/** The overlay attributes present on one object, from one listing. */
export class PresentXattrs {
  private readonly present = new Set<Name>()

  constructor(list: string, xattrs: OverlayXattrs) {
    if (!xattrs.isKernel && `\0${list}`.includes(`\0${KERNEL_ORIGIN}\0`))
      this.present.add('origin')
    if (!list.includes(xattrs.prefix)) return
    for (const name of list.split('\0'))
      if (name.startsWith(xattrs.prefix))
        this.present.add(name.slice(xattrs.prefix.length) as Name)
  }

  has(name: Name): boolean {
    return this.present.has(name)
  }

  get none(): boolean {
    return this.present.size === 0
  }
}
