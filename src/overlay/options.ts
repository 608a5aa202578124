// What an overlay is told at mount time, after `mount/` has parsed and checked it. The overlay
// itself reads no strings: every field here has one meaning and one default, set by the caller.

import type { ArchivedLowers } from '../layer/archive-layer/archived-lowers.js'

/** The spelling that is written, and the family of spellings that is read. */
export type Format = 'kernel-trusted' | 'kernel-user' | 'fuse-overlayfs' | 'aufs'

/** One range of a mapping; an empty list of them is the identity. */
export interface IdMapping {
  /** The id shown on the mount. */
  readonly inside: number
  /** The id on disk. */
  readonly outside: number
  readonly count: number
}

export interface OverlayOptions {
  /** Lower directories, absolute, topmost first. */
  readonly lowers: readonly string[]
  /** The lowers lie in an archive, and `lowers` are their names; null for directories. */
  readonly archive: ArchivedLowers | null
  /** Data-only lowers (after `::`, or `datadir+=`), absolute, topmost first. */
  readonly dataLowers: readonly string[]
  /** The writable layer, absolute; null for a read-only overlay. */
  readonly upper: string | null
  /** The work directory, absolute; null exactly when `upper` is. */
  readonly work: string | null
  readonly format: Format
  /** Whiteouts are `.wh.NAME` files even where devices could be made, in formats that know them. */
  readonly dotWhiteouts: boolean
  /** `off` is resolved to follow or nofollow before; `on` writes and follows redirects. */
  readonly redirectDir: 'on' | 'follow' | 'nofollow'
  readonly index: boolean
  /** Metadata-only copy-up is written. Reading it depends on the format and redirectDir alone. */
  readonly metacopy: boolean
  readonly xino: 'on' | 'off' | 'auto'
  readonly uuid: 'on' | 'off' | 'auto' | 'null'
  /**
   * What copy-up and fsync promise. `auto`: data before the name; `strict`: directories and
   * metadata too; `volatile`: nothing, with the kernel's dirty marker; `none`: copy-up flushes
   * nothing and fsync is not passed on (fuse-overlayfs's fsync=0); `fsync-only`: copy-up flushes
   * nothing, fsync is passed on (fuse-overlayfs's fsync=1).
   */
  readonly sync: 'auto' | 'strict' | 'volatile' | 'none' | 'fsync-only'
  /** Directories report nlink 1 when merged; false counts sub-directories. */
  readonly staticNlink: boolean
  /** Entry and attribute validity in seconds; below Infinity layers may be changed from outside. */
  readonly timeout: number
  readonly noXattrs: boolean
  readonly noAcl: boolean
  /** 0 none, 1 security.fuseoverlayfs.override_stat, 2 user.containers.override_stat. */
  readonly xattrPermissions: 0 | 1 | 2
  readonly ino32: boolean
  readonly uidMap: readonly IdMapping[]
  readonly gidMap: readonly IdMapping[]
  readonly squashUid: number | null
  readonly squashGid: number | null
  readonly readOnly: boolean
  /** `upper` joins later, once it is told to; until then the mount is read-only. */
  readonly attachesUpper: boolean
  /** Use FUSE passthrough where the kernel and our rights allow it. */
  readonly passthrough: boolean
  /**
   * Programs and shared libraries of lowers too, on mounts that may be written: one copy of them in
   * memory for all mounts. They cannot be opened for writing then while they are open.
   */
  readonly passesPrograms: boolean
  /**
   * On a mount that never changes OPEN is answered ENOSYS: the kernel then opens files by itself,
   * and there is no passthrough.
   */
  readonly noOpen: boolean
  /** 1, or 2 where a layer lies on overlay or FUSE. */
  readonly maxStackDepth: 1 | 2
}
