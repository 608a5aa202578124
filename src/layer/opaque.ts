// Opaque directories: every spelling that is read, and the one that is written.
import { E } from '../errno/errno.js'
import { AT_SYMLINK_NOFOLLOW, O_CREAT, O_EXCL, O_WRONLY } from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { getxattrat, statx } from './object-calls.js'
import { STAT_WORDS } from '../sys/stat.js'
import { setxattrat } from '../sys/xattr.js'
import { type LayerFormat, OPAQUE_SENTINEL } from './format.js'

const value = Buffer.alloc(4)
const YES = Buffer.from('y')
const MAY_HIDE = Buffer.from('x')
const stat = new Uint32Array(STAT_WORDS)

/** `y` opaque, `x` not opaque but with xattr whiteouts, null neither (ovl_get_opaquedir_val). */
export function opaqueValue(
  dirfd: number,
  name: string,
  format: LayerFormat,
): 'y' | 'x' | null {
  for (const attribute of format.opaqueXattrs) {
    const length = getxattrat(dirfd, name, attribute, value)
    if (length !== 1) continue
    if (value[0] === 0x79) return 'y'
    if (value[0] === 0x78 && format.xattrWhiteouts) return 'x'
  }
  if (!format.dotWhiteouts) return null
  const sentinel = name === '' ? OPAQUE_SENTINEL : `${name}/${OPAQUE_SENTINEL}`
  return statx(dirfd, sentinel, AT_SYMLINK_NOFOLLOW, stat, 0) === 0 ? 'y' : null
}

/** Says of an open directory that xattr whiteouts in it count. 0 or -errno. */
export function setXattrWhiteouts(fd: number, format: LayerFormat): number {
  return setxattrat(fd, '', format.xattrs.opaque, MAY_HIDE, 0)
}

/** Marks a directory opaque in the written spelling. Returns 0 or -errno. */
export function setOpaque(dirfd: number, name: string, format: LayerFormat): number {
  if (!format.dotWhiteouts) return setxattrat(dirfd, name, format.xattrs.opaque, YES, 0)
  if (setxattrat(dirfd, name, 'trusted.overlay.opaque', YES, 0) === -E.EPERM)
    setxattrat(dirfd, name, format.xattrs.opaque, YES, 0)
  const sentinel = `${name}/${OPAQUE_SENTINEL}`
  const fd = openat2(dirfd, sentinel, O_CREAT | O_EXCL | O_WRONLY, 0o644, 0)
  if (fd >= 0) close(fd)
  return fd < 0 && fd !== -E.EEXIST ? fd : 0
}
