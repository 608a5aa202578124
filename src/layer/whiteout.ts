// Whiteouts: whether an object of a layer hides its name in the layers below, and how one is made
// that takes the place of a name.
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  S_IFCHR,
  S_IFREG,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { getxattrat, statx } from './object-calls.js'
import { mknodat, unlinkat } from '../sys/inode.js'
import { ST, STAT_WORDS, statType } from '../sys/stat.js'
import { setxattrat } from '../sys/xattr.js'
import { dotWhiteout, type LayerFormat } from './format.js'

const scratch = new Uint32Array(STAT_WORDS)
const nothing = new Uint8Array(0)

/** WHITEOUT_DEV: a character device 0/0. `record` is the object's stat record. */
export function isDeviceWhiteout(record: Uint32Array, at = 0): boolean {
  return statType(record, at) === S_IFCHR && record[at + ST.rdev] === 0
}

/** ovl_path_check_xwhiteout_xattr: an empty file with the `whiteout` attribute. */
export function isXattrWhiteout(
  dirfd: number,
  name: string,
  record: Uint32Array,
  format: LayerFormat,
): boolean {
  if (!format.xattrWhiteouts || statType(record) !== S_IFREG) return false
  if (record[ST.size] !== 0 || record[ST.size + 1] !== 0) return false
  return getxattrat(dirfd, name, format.xattrs.whiteout, nothing) >= 0
}

/** Makes the format's whiteout under a name that does not exist. 0 or -errno. */
export function makeWhiteout(dirfd: number, name: string, format: LayerFormat): number {
  if (!format.writesXattrWhiteouts) return mknodat(dirfd, name, S_IFCHR, 0)
  const fd = openat2(dirfd, name, O_CREAT | O_EXCL | O_WRONLY, 0o600, 0)
  if (fd < 0) return fd
  close(fd)
  const error = setxattrat(dirfd, name, format.xattrs.whiteout, nothing, 0)
  if (error < 0) unlinkat(dirfd, name, 0)
  return Math.min(error, 0)
}

/** Whether `.wh.NAME` stands beside (or in place of) NAME. */
export function hasDotWhiteout(
  dirfd: number,
  name: string,
  format: LayerFormat,
): boolean {
  if (!format.dotWhiteouts) return false
  return statx(dirfd, dotWhiteout(name), AT_SYMLINK_NOFOLLOW, scratch, 0) === 0
}
