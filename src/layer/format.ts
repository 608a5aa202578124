// The formats a layer can be in: which spellings of whiteout, opaque and redirect are read, and
// which one is written. The rest of the program asks these questions here and nowhere else.
import { OverlayXattrs } from './overlay-xattrs.js'

export type FormatName = 'kernel-trusted' | 'kernel-user' | 'fuse-overlayfs' | 'aufs'

const DOT_PREFIX = '.wh.'
/** The opaque marker of AUFS, OCI and fuse-overlayfs. */
export const OPAQUE_SENTINEL = '.wh..wh..opq'

export interface LayerFormat {
  readonly name: FormatName
  /** The attributes that are written and obeyed. */
  readonly xattrs: OverlayXattrs
  /** `.wh.NAME` files hide NAME, and no `.wh.` name is shown. */
  readonly dotWhiteouts: boolean
  /** New whiteouts are `.wh.NAME` files even where a device could be made. */
  readonly writesDotWhiteouts: boolean
  /** Zero-size files marked `whiteout` in a directory whose `opaque` is `x`. */
  readonly xattrWhiteouts: boolean
  /** New whiteouts are of that kind, since devices cannot be made. */
  readonly writesXattrWhiteouts: boolean
  /** Attributes whose value `y` makes a directory opaque. */
  readonly opaqueXattrs: readonly string[]
  /** `redirect`, `metacopy` and the index are obeyed. */
  readonly redirects: boolean
  /** `origin` is a path, as fuse-overlayfs writes it. */
  readonly pathOrigins: boolean
}

/**
 * `canMakeDevices`: whether 0/0 devices may be made here (fuse-overlayfs asks by trying).
 * `prefersDots`: `.wh.NAME` files all the same, where the format knows them.
 */
export function layerFormat(
  name: FormatName,
  canMakeDevices: boolean,
  prefersDots: boolean,
): LayerFormat {
  switch (name) {
    case 'kernel-trusted':
      return kernel(name, new OverlayXattrs('trusted'), canMakeDevices)
    case 'kernel-user':
      return kernel(name, new OverlayXattrs('user'), canMakeDevices)
    case 'fuse-overlayfs':
    case 'aufs':
      return {
        name,
        xattrs: new OverlayXattrs('fuse-overlayfs'),
        dotWhiteouts: true,
        writesDotWhiteouts: name === 'aufs' || !canMakeDevices || prefersDots,
        writesXattrWhiteouts: false,
        xattrWhiteouts: false,
        opaqueXattrs: [
          'trusted.overlay.opaque',
          'user.overlay.opaque',
          'user.fuseoverlayfs.opaque',
        ],
        redirects: false,
        pathOrigins: name === 'fuse-overlayfs',
      }
  }
}

function kernel(
  name: FormatName,
  xattrs: OverlayXattrs,
  canMakeDevices: boolean,
): LayerFormat {
  return {
    name,
    xattrs,
    dotWhiteouts: false,
    writesDotWhiteouts: false,
    writesXattrWhiteouts: !canMakeDevices,
    xattrWhiteouts: true,
    opaqueXattrs: [xattrs.opaque],
    redirects: true,
    pathOrigins: false,
  }
}

/** The `.wh.` file that hides a name. */
export function dotWhiteout(name: string): string {
  return DOT_PREFIX + name
}

/** The name that a `.wh.` file hides; null for names that hide nothing. */
export function hiddenBy(name: string): string | null {
  if (!name.startsWith(DOT_PREFIX) || name.startsWith(OPAQUE_SENTINEL.slice(0, 8)))
    return null
  return name.slice(DOT_PREFIX.length)
}

/** Names that the dot formats keep to themselves. */
export function isDotName(name: string): boolean {
  return name.startsWith(DOT_PREFIX)
}
