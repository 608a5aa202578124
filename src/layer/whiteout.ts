// Whiteouts: whether an object of a layer hides its name in the layers below.
import { AT_SYMLINK_NOFOLLOW, S_IFCHR, S_IFREG } from '../sys/constants.js'
import { statx } from '../sys/inode.js'
import { ST, STAT_WORDS, statType } from '../sys/stat.js'
import { getxattrat } from '../sys/xattr.js'
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

/** Whether `.wh.NAME` stands beside (or in place of) NAME. */
export function hasDotWhiteout(
  dirfd: number,
  name: string,
  format: LayerFormat,
): boolean {
  if (!format.dotWhiteouts) return false
  return statx(dirfd, dotWhiteout(name), AT_SYMLINK_NOFOLLOW, scratch, 0) === 0
}
