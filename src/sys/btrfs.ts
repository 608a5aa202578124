// Subvolumes of btrfs, by its ioctls. Each call returns 0 or -errno; names have no slash.
import {
  BTRFS_IOC_SNAP_CREATE_V2,
  BTRFS_IOC_SNAP_DESTROY,
  BTRFS_IOC_SUBVOL_CREATE,
} from './constants.js'
import { ioctlBuffer } from './file.js'

/** struct btrfs_ioctl_vol_args and its second version have the size of a page. */
const ARGUMENT_BYTES = 4096
/** Where the name stands in either. */
const NAME = 8
const NAME_V2 = 56

/** An empty subvolume below an open directory. */
export function createSubvolume(dirfd: number, name: string): number {
  return ioctlBuffer(dirfd, BTRFS_IOC_SUBVOL_CREATE, argument(name, NAME))
}

/** A writable snapshot of the subvolume that `source` has open. */
export function createSnapshot(dirfd: number, name: string, source: number): number {
  const bytes = argument(name, NAME_V2)
  bytes.writeBigInt64LE(BigInt(source), 0)
  return ioctlBuffer(dirfd, BTRFS_IOC_SNAP_CREATE_V2, bytes)
}

/** Takes a subvolume away at once, with all that is in it. */
export function destroySubvolume(dirfd: number, name: string): number {
  return ioctlBuffer(dirfd, BTRFS_IOC_SNAP_DESTROY, argument(name, NAME))
}

function argument(name: string, at: number): Buffer {
  const bytes = Buffer.alloc(ARGUMENT_BYTES)
  bytes.write(name, at, 'latin1')
  return bytes
}
