// Where a layer lies: the filesystem, the mount, and the path inside that filesystem, which is what
// the kernel's overlap rules are about. Opens and reads; changes nothing.
import { readFileSync } from 'node:fs'
import { E } from '../errno/errno.js'
import { describeErrno } from '../errno/fs-error.js'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  O_DIRECTORY,
  O_PATH,
  PATH_MAX,
  STATX_MNT_ID,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { readlinkat, statx } from '../sys/inode.js'
import { ST, statBigInt, statRecords, statWord } from '../sys/stat.js'
import { MountError } from './mount-error.js'
import type { MountEntry } from './mountinfo.js'

export type Role = 'lower' | 'data-only lower' | 'upper' | 'work'

export interface LayerPlace {
  readonly role: Role
  /** Absolute, links resolved. */
  readonly path: string
  /** Filesystem and inode: equal for the same directory however it is reached. */
  readonly identity: string
  readonly mountId: number
  /** `major:minor` and the path inside that filesystem; null when its mount is not in the table. */
  readonly inside: { readonly device: string; readonly path: string } | null
}

/** Looks at one directory. Throws a MountError when it is missing or is none. */
export function placeOf(
  role: Role,
  path: string,
  mounts: ReadonlyMap<number, MountEntry>,
): LayerPlace {
  const fd = openDirectory(`${role} directory`, path)
  try {
    const record = statRecords(1)
    const result = statx(fd, '', AT_EMPTY_PATH, record, 0)
    if (result < 0) throw unusable(`${role} directory`, path, result)
    const resolved = pathOfDescriptor(fd, `${role} directory`, path)
    const mountId = mountIdOf(fd, record)
    return {
      role,
      path: resolved,
      identity: identityOf(record),
      mountId,
      inside: insideFilesystem(resolved, mounts.get(mountId)),
    }
  } finally {
    close(fd)
  }
}

/** An O_PATH descriptor of a directory; a MountError that says what is wrong with `path`. */
export function openDirectory(what: string, path: string): number {
  const fd = openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, 0)
  if (fd < 0) throw unusable(what, path, fd)
  return fd
}

/** Device and inode number, as text. */
export function identityOf(record: Uint32Array): string {
  return `${statBigInt(record, ST.dev)}:${statBigInt(record, ST.ino)}`
}

/** The path of an open directory, links resolved. */
export function pathOfDescriptor(fd: number, what: string, path: string): string {
  const buffer = Buffer.alloc(PATH_MAX)
  const length = readlinkat(AT_FDCWD, `/proc/self/fd/${fd}`, buffer, 0)
  if (length < 0) throw unusable(what, path, length)
  return buffer.toString('latin1', 0, length)
}

function unusable(what: string, path: string, result: number): MountError {
  switch (-result) {
    case E.ENOENT:
      return new MountError(
        `the ${what} ${path} does not exist`,
        'create it or correct the path',
      )
    case E.ENOTDIR:
      return new MountError(`the ${what} ${path} is not a directory`, 'name a directory')
    case E.EACCES:
      return new MountError(
        `no permission to reach the ${what} ${path}`,
        'give this user the right to enter each directory of the path',
      )
    case E.ENAMETOOLONG:
      return new MountError(
        `the path of the ${what} ${path} is too long`,
        'bind-mount the directory at a shorter path',
      )
    case E.ENOTCONN:
      return new MountError(
        `the server of the file system at ${path} is gone`,
        `unmount it first: umount -l ${path}`,
      )
    default:
      return new MountError(
        `cannot open the ${what} ${path}: ${describeErrno(result)}`,
        'name a directory that can be read',
      )
  }
}

/** Of what a descriptor and its stat record are of. */
export function mountIdOf(fd: number, record: Uint32Array): number {
  if ((statWord(record, ST.mask) & STATX_MNT_ID) !== 0) return statWord(record, ST.mntId)
  // Before Linux 5.8.
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1] ?? NaN)
}

/** The dentry path that the kernel would walk back, out of the mount's own root. */
function insideFilesystem(
  path: string,
  mount: MountEntry | undefined,
): LayerPlace['inside'] {
  if (mount === undefined) return null
  const prefix = mount.mountPoint === '/' ? '' : mount.mountPoint
  if (path !== prefix && !path.startsWith(`${prefix}/`)) return null
  const below = path.slice(prefix.length)
  const root = mount.root === '/' ? '' : mount.root
  const joined = `${root}${below === '/' ? '' : below}`
  return { device: mount.device, path: joined === '' ? '/' : joined }
}
