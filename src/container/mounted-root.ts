// The root directory of a container where another process has mounted it: a monitor, or a server that
// holds the root for a copy. Both run in the container's folder.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  STATX_ATTR_MOUNT_ROOT,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { statx } from '../sys/inode.js'
import { ST, statRecords, statWord } from '../sys/stat.js'

/**
 * A descriptor (O_PATH). The way leads through the working directory of the process, which is in its
 * mount namespace: a link in the store's path would lead back into ours.
 * @throws FsError.
 */
export function openMountedRoot(pid: number): number {
  const path = `/proc/${pid}/cwd/rootfs`
  const root = openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, 0)
  if (root < 0) throw new FsError(root, 'open', path)
  const record = statRecords(1)
  const result = statx(root, '', AT_EMPTY_PATH, record, 0)
  if (result >= 0 && (statWord(record, ST.attributes) & STATX_ATTR_MOUNT_ROOT) !== 0)
    return root
  close(root)
  throw new FsError(result < 0 ? result : E.ENOENT, 'open the mount at', path)
}
