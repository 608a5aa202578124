// The union's link count of an indexed inode, kept in the `nlink` attribute relative to the
// upper or the lower inode's own count (ovl_set_nlink_common, ovl_get_nlink).
import type { OverlayXattrs } from '../layer/overlay-xattrs.js'
import { getxattrat, setxattrat } from '../sys/xattr.js'

const value = Buffer.alloc(16)

/** The stored union nlink of an upper object; `fallback` where none is stored. */
export function readNlink(
  dirfd: number,
  name: string,
  xattrs: OverlayXattrs,
  lowerNlink: number,
  upperNlink: number,
  fallback: number,
): number {
  const length = getxattrat(dirfd, name, xattrs.nlink, value)
  if (length < 2) return fallback
  const base = value[0] === 0x4c ? lowerNlink : value[0] === 0x55 ? upperNlink : -1
  const difference = Number(value.latin1Slice(1, length))
  if (base < 0 || !Number.isInteger(difference)) return fallback
  const nlink = base + difference
  return nlink < 0 ? fallback : nlink
}

/** Stores `nlink` as `U+n` over the upper inode's `real` count, or `L+n` over the lower's. */
export function writeNlink(
  dirfd: number,
  name: string,
  xattrs: OverlayXattrs,
  base: 'U' | 'L',
  nlink: number,
  real: number,
): number {
  const difference = nlink - real
  const text = `${base}${difference < 0 ? '-' : '+'}${Math.abs(difference)}`
  return setxattrat(dirfd, name, xattrs.nlink, Buffer.from(text, 'latin1'), 0)
}
