// A new directory that looks like another one: the root of a writable layer shows in the union in
// place of the image's own.
import { FsError } from '../../errno/fs-error.js'
import { type FormatName, layerFormat } from '../../layer/format.js'
import { copyXattrs, type ObjectAt } from '../../layer/copy-xattrs.js'
import { statx } from '../../layer/object-calls.js'
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../sys/constants.js'
import { fchmodat, fchownat, mkdirat, utimensat } from '../../sys/inode.js'
import { ST, statMode, statRecords, statSeconds } from '../../sys/stat.js'

/** A directory of the disk or of an archive, where a path does not say it. */
export type DirectoryAt = ObjectAt

/**
 * Makes `to` with the owner, mode, times and attributes of `from`, but for what the layer's
 * format keeps for itself. @throws FsError; then `to` may be there, unfinished.
 */
export function likeDirectory(
  model: DirectoryAt | string,
  to: string,
  format: FormatName,
): void {
  const place = typeof model === 'string' ? { fd: AT_FDCWD, name: model } : model
  const { fd, name: from } = place
  const stat = statRecords(1)
  const flags = from === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
  check(statx(fd, from, flags, stat, 0), 'statx', from)
  check(mkdirat(AT_FDCWD, to, 0o700), 'mkdir', to)
  check(fchownat(AT_FDCWD, to, stat[ST.uid] ?? 0, stat[ST.gid] ?? 0, 0), 'chown', to)
  check(fchmodat(AT_FDCWD, to, statMode(stat) & 0o7777, 0), 'chmod', to)
  const { xattrs } = layerFormat(format, true, false)
  copyXattrs(place, { fd: AT_FDCWD, name: to }, stored =>
    xattrs.fromDisk(stored) === null ? null : stored,
  )
  check(
    utimensat(
      AT_FDCWD,
      to,
      statSeconds(stat, ST.atime),
      stat[ST.atimeNsec] ?? 0,
      statSeconds(stat, ST.mtime),
      stat[ST.mtimeNsec] ?? 0,
      0,
    ),
    'utimensat',
    to,
  )
}

function check(result: number, call: string, path: string): number {
  if (result < 0) throw new FsError(result, call, path)
  return result
}
