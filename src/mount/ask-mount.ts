// Asks a mount about itself, by the ioctls of overlay/control.ts. The mount may be served by any
// process of any version; its answer is believed as far as it is JSON.
import { E } from '../errno/errno.js'
import { describeErrno } from '../errno/fs-error.js'
import {
  CONTROL_BYTES,
  PLYFS_IOC_STATS,
  PLYFS_IOC_WHICH,
  type StatsAnswer,
  type WhichAnswer,
} from '../overlay/control.js'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  NAME_MAX,
  O_DIRECTORY,
  O_RDONLY,
  STATX_ATTR_MOUNT_ROOT,
} from '../sys/constants.js'
import { close, ioctlBuffer, openat2 } from '../sys/file.js'
import { statx } from '../sys/inode.js'
import { ST, isDirectory, statRecords, statWord } from '../sys/stat.js'
import { openDirectory, pathOfDescriptor } from './layer-place.js'
import { MountError } from './mount-error.js'
import { readMountinfo } from './mountinfo.js'

/** Where the name at `path` comes from; the name need not exist. Throws a MountError. */
export function askWhich(path: string): WhichAnswer {
  const { parent, name } = splitPath(path)
  // The root of a mount has no parent there; what another mount hides is asked of the parent.
  const root = isMountRoot(path) ? ask(path, PLYFS_IOC_WHICH, '.') : null
  const answer = root ?? ask(parent, PLYFS_IOC_WHICH, name)
  if (answer === null) throw notOurs(path)
  return answer as WhichAnswer
}

/** The live figures of the mount that `path` is on. Throws a MountError. */
export function askStats(path: string): StatsAnswer {
  const answer =
    ask(path, PLYFS_IOC_STATS, '') ?? ask(rootOfMount(path), PLYFS_IOC_STATS, '')
  if (answer === null) throw notOurs(path)
  return answer as StatsAnswer
}

/** The directory that holds the last name of a path, and that name. */
export function splitPath(path: string): { parent: string; name: string } {
  const trimmed = path.replace(/(?<=.)\/+$/, '')
  const slash = trimmed.lastIndexOf('/')
  const name = trimmed.slice(slash + 1)
  if (name === '' || name === '.' || name === '..') {
    return { parent: trimmed === '' ? '.' : trimmed, name: '.' }
  }
  return {
    parent: slash === -1 ? '.' : slash === 0 ? '/' : trimmed.slice(0, slash),
    name,
  }
}

/** The answer's JSON; null where no plyfs mount answers. */
function ask(directory: string, request: number, name: string): unknown {
  const fd = openat2(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) {
    throw new MountError(
      `cannot open the directory ${directory}: ${describeErrno(fd)}`,
      'name a path on the mount that this user may read',
    )
  }
  try {
    const buffer = Buffer.alloc(CONTROL_BYTES)
    buffer.write(name.slice(0, NAME_MAX + 1), 'latin1')
    const result = ioctlBuffer(fd, request, buffer)
    if (result === -E.ENOTTY || result === -E.ENOSYS || result === -E.EOPNOTSUPP)
      return null
    if (result < 0) throw refusedToAnswer(directory, result)
    return JSON.parse(buffer.toString('latin1', 0, buffer.indexOf(0)))
  } finally {
    close(fd)
  }
}

function refusedToAnswer(directory: string, result: number): MountError {
  return new MountError(
    `the mount did not answer for ${directory}: ${describeErrno(result)}`,
    result === -E.ENOTCONN
      ? 'its server is gone: unmount it (umount -l)'
      : 'correct the path',
  )
}

function isMountRoot(path: string): boolean {
  const record = statRecords(1)
  if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, record, 0) < 0) return false
  return (
    isDirectory(record) && (statWord(record, ST.attributes) & STATX_ATTR_MOUNT_ROOT) !== 0
  )
}

/** The mount point above a path. */
function rootOfMount(path: string): string {
  const fd = openDirectory('directory', path)
  const resolved = pathOfDescriptor(fd, 'directory', path)
  close(fd)
  const points = readMountinfo().map(entry => entry.mountPoint)
  const above = points.filter(
    point => point === resolved || resolved.startsWith(point === '/' ? '/' : `${point}/`),
  )
  return above.reduce(
    (longest, point) => (point.length > longest.length ? point : longest),
    '/',
  )
}

function notOurs(path: string): MountError {
  return new MountError(`${path} is not on a plyfs mount`, 'name a path on one')
}
