// What one object has besides its contents, copied to another: owner, mode, extended attributes,
// times, in the order in which none takes another away.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import type { LayerFormat } from '../../layer/format.js'
import { shown } from '../../layer/refusal.js'
import {
  AT_SYMLINK_NOFOLLOW,
  XATTR_LIST_MAX,
  XATTR_SIZE_MAX,
} from '../../sys/constants.js'
import { fchmodat, fchownat } from '../../sys/inode.js'
import { isSymlink, ST, statMode } from '../../sys/stat.js'
import { getxattrat, listxattrat, removexattrat, setxattrat } from '../../sys/xattr.js'
import { copyTimes } from '../unpack/attributes.js'

const list = Buffer.allocUnsafe(XATTR_LIST_MAX)
const value = Buffer.allocUnsafe(XATTR_SIZE_MAX)

/**
 * @param record the source's stat record.
 * @param format of the source, which has attributes of its own and others escaped; null for none.
 * @throws FsError
 */
export function copyAttributes(
  from: number,
  name: string,
  to: number,
  copy: string,
  record: Uint32Array,
  format: LayerFormat | null,
): void {
  const { [ST.uid]: uid = 0, [ST.gid]: gid = 0 } = record
  check(fchownat(to, copy, uid, gid, AT_SYMLINK_NOFOLLOW), 'chown', copy)
  if (!isSymlink(record))
    check(fchmodat(to, copy, statMode(record) & 0o7777, 0), 'chmod', copy)
  for (const stored of attributesOf(from, name)) {
    const attribute = format === null ? stored : format.xattrs.fromDisk(stored)
    if (attribute === null) continue
    const size = check(getxattrat(from, name, stored, value), 'getxattr', name)
    const error = setxattrat(to, copy, attribute, value.subarray(0, size), 0)
    check(error, `setxattr ${shown(attribute)}`, copy)
  }
  copyTimes(to, copy, record)
}

/** Takes all extended attributes from an open directory. @throws FsError. */
export function clearAttributes(fd: number): void {
  for (const attribute of attributesOf(fd, '.')) {
    const error = removexattrat(fd, '.', attribute)
    // The host's own labels are not ours to take.
    if (error < 0 && !attribute.startsWith('security.'))
      throw new FsError(error, `removexattr ${shown(attribute)}`)
  }
}

function attributesOf(dir: number, name: string): string[] {
  const length = listxattrat(dir, name, list)
  if (length === -E.EOPNOTSUPP) return []
  check(length, 'listxattr', name)
  return list.latin1Slice(0, length).split('\0').slice(0, -1)
}

function check(result: number, call: string, name: string): number {
  if (result < 0) throw new FsError(result, call, name)
  return result
}
