// A mount of the kernel's while it stands: known by its number, so that nothing else is ever taken
// away in its place, and watched without being held, so that its end is known to be one. The process
// that waits for it holds the image's use and the writable layer's lock, and cleans up afterwards: an
// unmount can be lazy, and leaves what is open in use for as long as it is.
import { setTimeout as pause } from 'node:timers/promises'
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { isMountedByKernel, mountKey } from '../../image/store/kernel-mount.js'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_STATX_DONT_SYNC,
  MNT_DETACH,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  POLLIN,
  POLLPRI,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { umount2 } from '../../sys/mount.js'
import { isWatching, markMount, watchFilesystem } from '../../sys/notify.js'
import { pollAsync } from '../../sys/process.js'
import { statRecords } from '../../sys/stat.js'
import { mountIdOf } from '../layer-place.js'
import { attach } from './detached.js'

/** How often, in ms, it is asked for the end of what has no event for it. */
const ASKED_EVERY = 500

export class StandingMount {
  /** What it is known by in the tables of all mount namespaces; null when it was gone at once. */
  readonly key: string | null
  private readonly mountPoint: string
  private readonly id: number
  private readonly watch: number
  private readonly isFilesystem: boolean

  /**
   * Puts a mount that has no place yet on one. Throws a MountError, and closes the descriptor.
   * @param flags MS_ bits.
   * @param isFilesystem the mount has a filesystem of its own, which ends with it and its copies in
   * other namespaces; false for a part of one that goes on.
   */
  constructor(tree: number, mountPoint: string, flags: number, isFilesystem: boolean) {
    this.mountPoint = mountPoint
    this.isFilesystem = isFilesystem
    this.id = mountOf(tree)
    // Without a watch (the user's limits, a kernel without it) the tables have to do.
    this.watch = isFilesystem ? watchFilesystem(tree) : markMount(tree)
    try {
      attach(tree, mountPoint, flags)
    } catch (error) {
      this.close()
      throw error
    }
    this.key = mountKey(this.id)
  }

  /**
   * Takes it out of sight, and ends it with its last user. 0 or -errno: EINVAL when it is not what
   * is seen at its place, and then nothing is taken away.
   */
  detach(): number {
    const seen = openat2(AT_FDCWD, this.mountPoint, O_PATH | O_NOFOLLOW, 0, 0)
    if (seen < 0) return seen
    try {
      if (mountOf(seen) !== this.id) return -E.EINVAL
      // This very mount, whatever has been put on it meanwhile.
      return umount2(`/proc/self/fd/${seen}`, MNT_DETACH)
    } finally {
      close(seen)
    }
  }

  /** Whether nobody has it any more, in any namespace; false where that cannot be told. */
  isGone(): boolean {
    if (this.watch < 0) return false
    return !isWatching(this.watch) && (this.isFilesystem || !this.isSeen())
  }

  /** Fulfilled when it is gone; where that cannot be told, when no namespace shows it any more. */
  async ended(): Promise<void> {
    if (this.watch >= 0 && this.isFilesystem) {
      await poll(this.watch, POLLIN)
      return
    }
    await this.leavesTable()
    while (this.watch >= 0 ? !this.isGone() : this.isSeen()) await pause(ASKED_EVERY)
  }

  /** Ends the watch, not the mount. */
  close(): void {
    if (this.watch >= 0) close(this.watch)
  }

  /** An open mount table has news for whoever polls it (mounts_poll of fs/proc_namespace.c). */
  private async leavesTable(): Promise<void> {
    const table = openat2(AT_FDCWD, '/proc/self/mountinfo', O_RDONLY, 0, 0)
    if (table < 0) throw new FsError(table, 'open', '/proc/self/mountinfo')
    try {
      // Numbers of mounts are given again.
      while (this.key !== null && mountKey(this.id) === this.key)
        await poll(table, POLLPRI)
    } finally {
      close(table)
    }
  }

  /** Whether a mount namespace shows it. */
  isSeen(): boolean {
    return this.key !== null && isMountedByKernel(this.key)
  }
}

async function poll(fd: number, events: number): Promise<void> {
  const news = await pollAsync(fd, events)
  if (news < 0) throw new FsError(news, 'poll')
}

/** The number of the mount that a descriptor is of. */
function mountOf(fd: number): number {
  const record = statRecords(1)
  const result = statx(fd, '', AT_EMPTY_PATH | AT_STATX_DONT_SYNC, record, 0)
  if (result < 0) throw new FsError(result, 'statx')
  return mountIdOf(fd, record)
}
