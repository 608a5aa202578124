// The store's locks: flock(2), which the kernel lets go of when a process dies, however it dies.
// A wait happens on a thread of its own, since a command that is adding images may have the lock
// for minutes and the main thread has signals, sockets and other work.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../../sys/constants.js'
import { close, flock, openat2 } from '../../sys/file.js'
import { statx, unlinkat } from '../../sys/inode.js'
import { isSameFile, STAT_WORDS, statRecords } from '../../sys/stat.js'
import { runOnThread } from './store-thread-client.js'

/** A lock that is held until it is released, or the process ends. */
export class StoreLock {
  private readonly fd: number
  private readonly passing: string | null
  private held = true

  /** @param passing the file to remove before the lock is let go of. */
  constructor(fd: number, passing: string | null = null) {
    this.fd = fd
    this.passing = passing
  }

  /** What holds the lock; a process that inherits it holds it too, and after a release here. */
  get descriptor(): number {
    return this.fd
  }

  release(): void {
    if (!this.held) return
    this.held = false
    if (this.passing !== null) unlinkat(AT_FDCWD, this.passing, 0)
    close(this.fd)
  }
}

/**
 * Takes the lock of a file, which is made when it is not there. Locks of one process exclude each
 * other as those of several do: each call opens the file anew.
 * @param onWait called once when another has it.
 * @throws FsError.
 */
export async function takeLock(
  path: string,
  kind: 'shared' | 'exclusive',
  onWait?: () => void,
): Promise<StoreLock> {
  const fd = openLock(path)
  try {
    await lockDescriptor(fd, kind, onWait)
  } catch (error) {
    close(fd)
    throw error
  }
  return new StoreLock(fd)
}

/**
 * As `takeLock`, exclusively, for a file that is there only while somebody has or awaits the lock:
 * releasing it removes the file, and who waited for it begins anew with the next.
 */
export async function takePassingLock(path: string): Promise<StoreLock> {
  for (;;) {
    const fd = openLock(path)
    try {
      await lockDescriptor(fd, 'exclusive')
    } catch (error) {
      close(fd)
      throw error
    }
    if (isNamed(fd, path)) return new StoreLock(fd, path)
    close(fd)
  }
}

/** Whether the path still names what the descriptor has open. */
function isNamed(fd: number, path: string): boolean {
  const records = statRecords(2)
  if (statx(fd, '', AT_EMPTY_PATH, records, 0) < 0) return false
  if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, records, STAT_WORDS) < 0) return false
  return isSameFile(records, 0, records, STAT_WORDS)
}

/** The lock, or null when another has it. @throws FsError. */
export function tryLock(path: string, kind: 'shared' | 'exclusive'): StoreLock | null {
  const fd = openLock(path)
  const result = flock(fd, operation(kind) | LOCK_NB)
  if (result >= 0) return new StoreLock(fd)
  close(fd)
  if (result === -E.EAGAIN) return null
  throw new FsError(result, 'flock', path)
}

/**
 * The lock of a folder itself, for whoever takes it away: null when another has it, or when it is
 * not there. @throws FsError.
 */
export function tryLockFolder(path: string): StoreLock | null {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0)
  if (fd === -E.ENOENT) return null
  if (fd < 0) throw new FsError(fd, 'open', path)
  const result = flock(fd, LOCK_EX | LOCK_NB)
  if (result >= 0) return new StoreLock(fd)
  close(fd)
  if (result === -E.EAGAIN) return null
  throw new FsError(result, 'flock', path)
}

/** Locks what a descriptor has open. @throws FsError. */
export async function lockDescriptor(
  fd: number,
  kind: 'shared' | 'exclusive',
  onWait?: () => void,
): Promise<void> {
  const result = flock(fd, operation(kind) | LOCK_NB)
  if (result >= 0) return
  if (result !== -E.EAGAIN) throw new FsError(result, 'flock')
  onWait?.()
  // A lock belongs to the open file, not to the thread that asks for it.
  await runOnThread({ kind: 'flock', fd, operation: operation(kind) })
}

function operation(kind: 'shared' | 'exclusive'): number {
  return kind === 'shared' ? LOCK_SH : LOCK_EX
}

function openLock(path: string): number {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_CREAT, 0o644, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  return fd
}
