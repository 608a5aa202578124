// Ends a mount from outside: as root by umount2(2), as an ordinary user through fusermount3. Works
// without a word to the server, which may be gone.
import { E } from '../errno/errno.js'
import { describeErrno } from '../errno/fs-error.js'
import { MNT_DETACH, UMOUNT_NOFOLLOW } from '../sys/constants.js'
import { close } from '../sys/file.js'
import { umount2 } from '../sys/mount.js'
import { driverMount } from './drivers/find-mounts.js'
import { topmostMount } from './fuse-mount.js'
import { unmountByFusermount } from './fusermount.js'
import { openDirectory, pathOfDescriptor } from './layer-place.js'
import { MountError } from './mount-error.js'
import { readMountinfo } from './mountinfo.js'

/**
 * Unmounts the topmost mount on `path`, a FUSE mount or one of a driver's. `lazy` takes it out of sight
 * at once and ends it when its last user has gone. Throws a MountError.
 */
export function unmountAt(path: string, lazy: boolean): void {
  const mountPoint = resolve(path)
  const entry = topmostMount(readMountinfo(), mountPoint)
  if (entry === undefined) {
    throw new MountError(
      `${mountPoint} is not a mount point`,
      "'plyfs umount' takes those",
    )
  }
  const isOurs = /^fuse(\.|$)/.test(entry.type) || driverMount(entry) !== null
  if (!isOurs) {
    throw new MountError(`${mountPoint} is a mount of type ${entry.type}`, 'use umount')
  }
  const result = umount2(mountPoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0))
  if (result === 0) return
  if (result === -E.EPERM)
    throwIfFailed(mountPoint, unmountByFusermount(mountPoint, lazy))
  else throw failed(mountPoint, result)
}

/** A descriptor of the mount's root would keep it busy, so it is closed before anything else. */
function resolve(path: string): string {
  const fd = openDirectory('mount point', path)
  try {
    return pathOfDescriptor(fd, 'mount point', path)
  } finally {
    close(fd)
  }
}

function throwIfFailed(mountPoint: string, complaint: string | null): void {
  if (complaint === null) return
  throw new MountError(
    `cannot unmount ${mountPoint}: ${complaint}`,
    'unmount it as the user who mounted it, or as root',
  )
}

function failed(mountPoint: string, result: number): MountError {
  if (result === -E.EBUSY) {
    return new MountError(
      `${mountPoint} is in use`,
      `leave it and close its files (fuser -m ${mountPoint} names who), or add -l`,
    )
  }
  return new MountError(
    `cannot unmount ${mountPoint}: ${describeErrno(result)}`,
    'look at the mount table (findmnt) for what is there',
  )
}
