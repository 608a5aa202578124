// The overlay's own UUID, stored on the upper root (ovl_init_uuid_xattr): read where it is there,
// made at the first mount of a new overlay, never for one that was used without.
import { randomBytes } from 'node:crypto'
import { E } from '../errno/errno.js'
import type { OverlayXattrs } from '../layer/overlay-xattrs.js'
import { getxattrat, setxattrat } from '../sys/xattr.js'
import type { OverlayOptions } from './options.js'

const UUID_BYTES = 16
const nothing = new Uint8Array(0)

/** Stores a UUID on the upper root where the option and the root's state ask for one. */
export function initializeUuid(
  upperFd: number,
  xattrs: OverlayXattrs,
  mode: OverlayOptions['uuid'],
): void {
  if (mode !== 'on' && mode !== 'auto') return
  if (getxattrat(upperFd, '', xattrs.uuid, nothing) !== -E.ENODATA) return
  // A root that is impure has seen copy-ups: not a new overlay.
  const isUsed = getxattrat(upperFd, '', xattrs.impure, nothing) !== -E.ENODATA
  if (mode === 'auto' && isUsed) return
  setxattrat(upperFd, '', xattrs.uuid, randomBytes(UUID_BYTES), 0)
}
