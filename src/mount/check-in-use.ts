// Whether another mount writes to the same upper or work directory. The sign of our own mounts is
// a flock(2) on both directories, held while anything may still be written; kernel overlays keep
// theirs to themselves, so those are found in the mount table. Reads and locks; writes nothing.
import { E } from '../errno/errno.js'
import { describeErrno } from '../errno/fs-error.js'
import { AT_FDCWD, LOCK_EX, LOCK_NB, O_DIRECTORY, O_RDONLY } from '../sys/constants.js'
import { close, flock, openat2 } from '../sys/file.js'
import { statx } from '../sys/inode.js'
import { statRecords } from '../sys/stat.js'
import { identityOf, type LayerPlace } from './layer-place.js'
import { lockHolderMounted } from './lock-holder.js'
import { MountError } from './mount-error.js'
import { overlayPath, type MountEntry } from './mountinfo.js'

/** Throws when a kernel overlay of this mount namespace has `place` as its upper or work. */
export function refuseKernelOverlay(
  place: LayerPlace,
  mounts: Iterable<MountEntry>,
): void {
  const record = statRecords(1)
  for (const entry of mounts) {
    if (entry.type !== 'overlay') continue
    for (const option of ['upperdir', 'workdir'] as const) {
      const path = overlayPath(entry, option)
      // A relative path was relative to a directory that nobody knows any more.
      if (!path?.startsWith('/')) continue
      if (statx(AT_FDCWD, path, 0, record, 0) < 0) continue
      if (identityOf(record) !== place.identity) continue
      throw new MountError(
        `the ${place.role} directory ${place.path} is in use by the overlay mounted on ${entry.mountPoint}`,
        `unmount that first, or use other upper and work directories`,
      )
    }
  }
}

/**
 * Locks the directories, in their order, and returns the descriptors that hold the locks. A holder
 * whose mount is gone is still writing its last; it is waited for, a few seconds at most. Throws a
 * MountError, with no lock held, when one is in use.
 */
export async function lockDirectories(places: readonly LayerPlace[]): Promise<number[]> {
  const held: number[] = []
  try {
    for (const place of places) held.push(await lockDirectory(place))
  } catch (error) {
    for (const fd of held) close(fd)
    throw error
  }
  return held
}

/** flock(2) has no descriptor to wait on and no time limit, so a lock that is held is tried again. */
const RETRY_MS = 10
const PATIENCE_MS = 5000

async function lockDirectory(place: LayerPlace): Promise<number> {
  const fd = openat2(AT_FDCWD, place.path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) {
    throw new MountError(
      `cannot read the ${place.role} directory ${place.path}: ${describeErrno(fd)}`,
      'give this user the right to read and write it',
    )
  }
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const result = flock(fd, LOCK_EX | LOCK_NB)
    // Some network filesystems have no locks; then there is no sign, as with other programs.
    if (result === 0 || result === -E.EOPNOTSUPP || result === -E.ENOLCK) return fd
    if (result !== -E.EAGAIN && result !== -E.EINTR) {
      close(fd)
      throw new MountError(
        `cannot lock the ${place.role} directory ${place.path}: ${describeErrno(result)}`,
        'use a directory on another filesystem',
      )
    }
    const mountedOn = lockHolderMounted(place)
    if (mountedOn !== null || performance.now() > deadline) {
      close(fd)
      throw inUse(place, mountedOn)
    }
    await new Promise(resolve => setTimeout(resolve, RETRY_MS))
  }
}

function inUse(place: LayerPlace, mountedOn: string | null): MountError {
  const by = mountedOn === null ? 'another mount' : `the mount on ${mountedOn}`
  return new MountError(
    `the ${place.role} directory ${place.path} is in use by ${by}`,
    'unmount that first, or use other upper and work directories',
  )
}
