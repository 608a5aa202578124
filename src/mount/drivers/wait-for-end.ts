// Waits until a mount of the kernel's is gone from the mount table: the process that waits stands
// for the mount, holds the image's use and the writable layer's lock, and cleans up at the end.
import { FsError } from '../../errno/fs-error.js'
import { AT_FDCWD, O_RDONLY, POLLPRI } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { pollAsync } from '../../sys/process.js'
import { placeOf } from '../layer-place.js'
import { readMountinfo } from '../mountinfo.js'

/** Fulfilled when the mount that is now the topmost at a path is gone. Throws FsError. */
export async function waitForEnd(mountPoint: string): Promise<void> {
  const { mountId } = placeOf('lower', mountPoint, new Map())
  const device = readMountinfo().find(({ id }) => id === mountId)?.device
  // An open mount table has news for whoever polls it (mounts_poll of fs/proc_namespace.c).
  const table = openat2(AT_FDCWD, '/proc/self/mountinfo', O_RDONLY, 0, 0)
  if (table < 0) throw new FsError(table, 'open', '/proc/self/mountinfo')
  try {
    // Numbers of mounts are given again.
    while (readMountinfo().some(one => one.id === mountId && one.device === device)) {
      const news = await pollAsync(table, POLLPRI)
      if (news < 0) throw new FsError(news, 'poll', '/proc/self/mountinfo')
    }
  } finally {
    close(table)
  }
}
