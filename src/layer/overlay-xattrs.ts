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
const OVERRIDE_HIDDEN = ['user.containers.', 'security.fuseoverlayfs.']

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
   * The name on disk of an attribute a user names; null where there is none to be had
   * (fuse-overlayfs keeps no escaped form: its own prefixes are out of reach).
   */
  toDisk(name: string): string | null {
    if (this.family === 'fuse-overlayfs') return this.isHidden(name) ? null : name
    return name.startsWith(this.prefix)
      ? this.escape + name.slice(this.prefix.length)
      : name
  }

  /** The name a user sees of an attribute on disk; null for our own. */
  fromDisk(name: string): string | null {
    if (this.family === 'fuse-overlayfs') return this.isHidden(name) ? null : name
    if (!name.startsWith(this.prefix)) return name
    return name.startsWith(this.escape)
      ? this.prefix + name.slice(this.escape.length)
      : null
  }

  /** ovl_is_private_xattr: what a copy-up leaves behind. Escaped ones are copied as they are. */
  isPrivate(name: string): boolean {
    return this.fromDisk(name) === null
  }

  private isHidden(name: string): boolean {
    return (
      FUSE_OVERLAYFS_HIDDEN.some(prefix => name.startsWith(prefix)) ||
      OVERRIDE_HIDDEN.some(prefix => name.startsWith(prefix))
    )
  }
}

/** The overlay attributes present on one object, from one listing. */
export class PresentXattrs {
  private readonly present = new Set<Name>()

  constructor(list: string, xattrs: OverlayXattrs) {
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
