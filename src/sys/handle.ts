// File handles and the identity of filesystems, as the index and `origin` of an overlay need them.
import { E } from '../errno/errno.js'
import { BTRFS_IOC_FS_INFO } from './constants.js'
import { native } from './native.js'

/** name_to_handle_at(2): bytes used in `handle`; `out[0]` is the mount id. */
export const name_to_handle_at = native.name_to_handle_at

/** open_by_handle_at(2); needs CAP_DAC_READ_SEARCH; -ESTALE: the file is gone. */
export const open_by_handle_at = native.open_by_handle_at

/** struct btrfs_ioctl_fs_info_args: its size, and where the UUID stands. */
const FS_INFO_BYTES = 1024
const FSID = 16

/**
 * FS_IOC_GETFSUUID (Linux 6.9): length of the UUID; -ENOTTY where there is none. btrfs, which has
 * one that overlayfs uses, does not tell it in this way but in its own.
 */
export function getfsuuid(fd: number, uuid: Uint8Array): number {
  const length = native.getfsuuid(fd, uuid)
  if (length !== -E.ENOTTY) return length
  const info = new Uint8Array(FS_INFO_BYTES)
  if (native.ioctlBuffer(fd, BTRFS_IOC_FS_INFO, info) < 0) return length
  uuid.set(info.subarray(FSID, FSID + uuid.length))
  return uuid.length
}
