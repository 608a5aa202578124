// Removes a folder and all that is below it, whatever it is called and however deep it lies: by
// descriptors, never by a path, never through a symbolic link, and never into what is mounted there.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RENAME_NOREPLACE,
  RESOLVE_NO_XDEV,
} from '../../sys/constants.js'
import { destroySubvolume } from '../../sys/btrfs.js'
import { close, openat2 } from '../../sys/file.js'
import { fchmodat, renameat2, unlinkat } from '../../sys/inode.js'
import { listNames } from './list-names.js'

/** A tree that is not there is removed already; a subvolume of btrfs is one too. @throws FsError. */
export function removeTree(path: string): void {
  const slash = path.lastIndexOf('/')
  const [folder, name] = [path.slice(0, slash), path.slice(slash + 1)]
  const parent = openat2(AT_FDCWD, folder === '' ? '/' : folder, DIRECTORY, 0, 0)
  if (parent === -E.ENOENT) return
  if (parent < 0) throw new FsError(parent, 'open', folder)
  try {
    removeBelow(parent, name)
  } finally {
    close(parent)
  }
}

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW

/** A folder on the way down: its descriptor, and what is left to remove in it. */
interface Level {
  readonly fd: number
  readonly name: string
  readonly left: string[]
}

/** Levels that are open at a time, a descriptor each. */
const MAX_OPEN = 128

/**
 * Removes what an open folder has under a name; what is not there is removed already. What lies
 * deeper than `MAX_OPEN` levels is first moved up to the top of the tree. @throws FsError.
 */
export function removeBelow(parent: number, name: string): void {
  if (unlinkOrTell(parent, name)) return
  const top = enter(parent, name)
  if (top === null) return
  const levels: Level[] = [top]
  try {
    for (;;) {
      const level = levels.at(-1)
      if (level === undefined) return
      const next = level.left.pop()
      if (next === undefined) {
        const above = levels.at(-2)?.fd ?? parent
        close(level.fd)
        levels.pop()
        const result = unlinkat(above, level.name, AT_REMOVEDIR)
        if (result < 0 && result !== -E.ENOENT)
          throw new FsError(result, 'rmdir', level.name)
      } else if (!unlinkOrTell(level.fd, next)) {
        // A whole tree that the store keeps as a subvolume goes in one call; others say no.
        if (levels.length === 1 && destroySubvolume(level.fd, next) >= 0) continue
        descend(levels, level, next)
      }
    }
  } finally {
    for (const level of levels) close(level.fd)
  }
}

function descend(levels: Level[], level: Level, name: string): void {
  const [top] = levels
  if (top === undefined || levels.length < MAX_OPEN) {
    const next = enter(level.fd, name)
    if (next !== null) levels.push(next)
    return
  }
  const moved = `.plyfs-removed-${(count += 1)}`
  const result = renameat2(level.fd, name, top.fd, moved, RENAME_NOREPLACE)
  if (result < 0) throw new FsError(result, 'rename', name)
  top.left.push(moved)
}

let count = 0

/** Whether it is gone; false for a folder. */
function unlinkOrTell(dir: number, name: string): boolean {
  const result = unlinkat(dir, name, 0)
  if (result >= 0 || result === -E.ENOENT) return true
  if (result === -E.EISDIR) return false
  throw new FsError(result, 'unlink', name)
}

/** null when it has gone meanwhile: another removes the same tree. */
function enter(dir: number, name: string): Level | null {
  let fd = openInside(dir, name)
  if (fd === -E.EACCES) {
    // Somebody else's mode, on a folder that is ours to remove.
    fchmodat(dir, name, 0o700, 0)
    fd = openInside(dir, name)
  }
  if (fd === -E.ENOENT) return null
  if (fd < 0) throw new FsError(fd, 'open', name)
  try {
    return { fd, name, left: listNames(fd) }
  } catch (error) {
    close(fd)
    // iterate_dir() of a directory that was removed after it was opened.
    if (error instanceof FsError && error.code === 'ENOENT') return null
    throw error
  }
}

/** EXDEV for a mount point. */
function openInside(dir: number, name: string): number {
  const fd = openat2(dir, name, DIRECTORY, 0, RESOLVE_NO_XDEV)
  // Before Linux 5.6 there is no such question.
  return fd === -E.ENOSYS ? openat2(dir, name, DIRECTORY, 0, 0) : fd
}
