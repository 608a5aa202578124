// The store's locks: flock(2), which the kernel lets go of when a process dies, however it dies.
// A wait happens on a thread of its own, since a command that is adding images may have the lock
// for minutes and the main thread has signals, sockets and other work.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  AT_FDCWD,
  LOCK_EX,
  LOCK_NB,
  LOCK_SH,
  O_CREAT,
  O_RDONLY,
} from '../../sys/constants.js'
import { close, flock, openat2 } from '../../sys/file.js'
import { runOnThread } from './store-thread-client.js'

/** A lock that is held until it is released, or the process ends. */
export class StoreLock {
  private readonly fd: number
  private held = true

  constructor(fd: number) {
    this.fd = fd
  }

  release(): void {
    if (!this.held) return
    this.held = false
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

/** The lock, or null when another has it. @throws FsError. */
export function tryLock(path: string, kind: 'shared' | 'exclusive'): StoreLock | null {
  const fd = openLock(path)
  const result = flock(fd, operation(kind) | LOCK_NB)
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
