// `plyfs umount [-l] DIR...`: ends mounts, as root or as the user who made them.
import { MountError } from '../../mount/mount-error.js'
import { unmountAt } from '../../mount/unmount.js'
import { printError } from '../output.js'

/** Unmounts each; 0, or 1 when one of them could not be unmounted. */
export function umount(
  mountPoints: readonly string[],
  options: { lazy?: boolean },
): number {
  let status = 0
  for (const mountPoint of mountPoints) {
    try {
      unmountAt(mountPoint, options.lazy === true)
    } catch (error) {
      if (!(error instanceof MountError)) throw error
      printError(`plyfs: ${error.message}`)
      status = 1
    }
  }
  return status
}
