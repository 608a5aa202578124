// What one object has besides its contents, copied to another: owner, mode, extended attributes,
// times, in the order in which none takes another away.
import { FsError } from '../../errno/fs-error.js'
import { copyXattrs, xattrNames } from '../../layer/copy-xattrs.js'
import type { LayerFormat } from '../../layer/format.js'
import { shown } from '../../layer/refusal.js'
import { AT_SYMLINK_NOFOLLOW } from '../../sys/constants.js'
import { fchmodat, fchownat } from '../../sys/inode.js'
import { isSymlink, ST, statMode } from '../../sys/stat.js'
import { removexattrat } from '../../sys/xattr.js'
import { copyTimes } from '../unpack/attributes.js'

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
  copyXattrs({ fd: from, name }, { fd: to, name: copy }, stored =>
    format === null ? stored : format.xattrs.fromDisk(stored),
  )
  copyTimes(to, copy, record)
}

/** Takes all extended attributes from an open directory. @throws FsError. */
export function clearAttributes(fd: number): void {
  for (const attribute of xattrNames({ fd, name: '.' })) {
    const error = removexattrat(fd, '.', attribute)
    // The host's own labels are not ours to take.
    if (error < 0 && !attribute.startsWith('security.'))
      throw new FsError(error, `removexattr ${shown(attribute)}`)
  }
}

function check(result: number, call: string, name: string): void {
  if (result < 0) throw new FsError(result, call, name)
}
