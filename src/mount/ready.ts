// The moment a mount serves: the caller's stdin, stdout and stderr are let go, so that nobody who
// waits for their end waits for the mount's, and the launcher that waits is told.
import { writeSync } from 'node:fs'
import { FsError } from '../errno/fs-error.js'
import { AT_FDCWD, O_RDWR } from '../sys/constants.js'
import { close, dup2, openat2 } from '../sys/file.js'

/**
 * To be called before the mount, which may lie over /dev. Returns what to call once the mount
 * serves: it puts /dev/null on 0, 1 and 2 and leaves the caller's directory (unless `foreground`),
 * then writes `ready\n` to the descriptor in PLYFS_READY_FD, where the launcher set one.
 */
export function prepareReady(
  foreground: boolean,
  env: Readonly<Record<string, string | undefined>>,
): () => void {
  const devNull = foreground ? null : openDevNull()
  return () => {
    if (devNull !== null) releaseStdio(devNull)
    const fd = Number(env['PLYFS_READY_FD'] ?? NaN)
    if (Number.isInteger(fd) && fd > 2) tellLauncher(fd)
  }
}

function openDevNull(): number {
  const fd = openat2(AT_FDCWD, '/dev/null', O_RDWR, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', '/dev/null')
  return fd
}

function releaseStdio(devNull: number): void {
  for (const fd of [0, 1, 2]) {
    const result = dup2(devNull, fd)
    if (result < 0) throw new FsError(result, 'dup2')
  }
  close(devNull)
  process.chdir('/')
}

/** The launcher may be gone (killed by its caller); the mount stays all the same. */
function tellLauncher(fd: number): void {
  try {
    writeSync(fd, 'ready\n')
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE'))
      throw error
  } finally {
    close(fd)
  }
}
