// What an upper's filesystem must have, and what a work directory may not hold. Found out by
// reading, and where a work directory is still empty by one directory made and removed at once.
import { E } from '../errno/errno.js'
import { describeErrno } from '../errno/fs-error.js'
import type { OverlayOptions } from '../overlay/options.js'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  DT_UNKNOWN,
  O_DIRECTORY,
  O_RDONLY,
  ST_RDONLY,
} from '../sys/constants.js'
import { getdents64 } from '../sys/dir.js'
import { close, fstatfs, openat2 } from '../sys/file.js'
import { mkdirat, unlinkat } from '../sys/inode.js'
import { getxattrat } from '../sys/xattr.js'
import { MountError } from './mount-error.js'

/** Throws a MountError when the upper or the work directory cannot do what the overlay needs. */
export function checkBacking(overlay: OverlayOptions, upper: string, work: string): void {
  const upperFd = openReadable('upper', upper)
  const workFd = openReadable('work', work)
  try {
    refuseReadOnly(upperFd, upper)
    refuseWithoutAttributes(overlay, upperFd, upper)
    refuseIncompatible(workFd, work)
    refuseWithoutTypes(upperFd, workFd, work)
  } finally {
    close(upperFd)
    close(workFd)
  }
}

function openReadable(role: string, path: string): number {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd >= 0) return fd
  throw new MountError(
    `cannot read the ${role} directory ${path}: ${describeErrno(fd)}`,
    'give this user the right to read and write it',
  )
}

/** Word of fstatfs's record that holds f_flags (native.ts). */
const F_FLAGS = 15

function refuseReadOnly(fd: number, upper: string): void {
  const record = new Uint32Array(18)
  if (fstatfs(fd, record) < 0 || ((record[F_FLAGS] ?? 0) & ST_RDONLY) === 0) return
  throw new MountError(
    `the upper directory ${upper} is on a read-only filesystem`,
    'use it as the topmost lower, or choose another upper',
  )
}

/** An attribute of the kind that the format writes; null for a format that needs none. */
function neededAttribute(overlay: OverlayOptions): string | null {
  switch (overlay.format) {
    case 'kernel-trusted':
      return 'trusted.overlay.opaque'
    case 'kernel-user':
      return 'user.overlay.opaque'
    case 'fuse-overlayfs':
    case 'aufs':
      if (overlay.xattrPermissions === 1) return 'security.fuseoverlayfs.override_stat'
      return overlay.xattrPermissions === 2 ? 'user.containers.override_stat' : null
  }
}

function refuseWithoutAttributes(
  overlay: OverlayOptions,
  fd: number,
  upper: string,
): void {
  const attribute = neededAttribute(overlay)
  if (attribute === null) return
  const result = getxattrat(fd, '', attribute, new Uint8Array(0))
  if (result !== -E.EOPNOTSUPP) return
  const kind = attribute.slice(0, attribute.indexOf('.') + 1)
  throw new MountError(
    `the filesystem of the upper directory ${upper} has no '${kind}' extended attributes`,
    kind === 'trusted.' &&
      getxattrat(fd, '', 'user.overlay.opaque', new Uint8Array(0)) !== -E.EOPNOTSUPP
      ? 'add userxattr, or put the upper on ext4, xfs, btrfs or tmpfs'
      : 'put the upper on ext4, xfs, btrfs or tmpfs',
  )
}

/** ovl_workdir_cleanup: features that a mount left behind and that we do not know. */
function refuseIncompatible(workFd: number, work: string): void {
  const fd = openat2(workFd, 'work/incompat', O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd === -E.ENOENT || fd === -E.ENOTDIR) return
  if (fd < 0) {
    throw new MountError(
      `cannot read ${work}/work/incompat: ${describeErrno(fd)}`,
      'give this user the right to, or use an empty work directory',
    )
  }
  const [feature] = listDirectory(fd)
  close(fd)
  if (feature === undefined) return
  throw new MountError(
    feature.name === 'volatile'
      ? `the upper was last mounted with 'volatile' and may be incomplete`
      : `the upper was last mounted with the unknown feature '${feature.name}'`,
    `use fresh upper and work directories; if the upper is known to be whole, remove ${work}/work/incompat/${feature.name}`,
  )
}

/** Listings that do not tell types make every entry cost a second call; the kernel asks for them. */
function refuseWithoutTypes(upperFd: number, workFd: number, work: string): void {
  const some =
    listDirectory(workFd)[0] ?? listDirectory(upperFd)[0] ?? probe(workFd, work)
  if (some.type !== DT_UNKNOWN) return
  throw new MountError(
    `the filesystem of the work directory ${work} does not tell file types in listings (d_type)`,
    'use a filesystem made with them: ext4 with filetype, xfs with ftype=1',
  )
}

/** `work` is what the overlay makes there too; it is gone again when this returns. */
function probe(workFd: number, work: string): Entry {
  const made = mkdirat(workFd, 'work', 0o700)
  if (made < 0) {
    throw new MountError(
      `cannot write to the work directory ${work}: ${describeErrno(made)}`,
      'give this user the right to write there, and space',
    )
  }
  const [entry] = listDirectory(workFd)
  unlinkat(workFd, 'work', AT_REMOVEDIR)
  return entry ?? { name: 'work', type: DT_UNKNOWN }
}

interface Entry {
  readonly name: string
  readonly type: number
}

/** The first names of a directory, without `.` and `..` (struct linux_dirent64). */
function listDirectory(directory: number): Entry[] {
  const fd = openat2(directory, '.', O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) return []
  const buffer = Buffer.alloc(4096)
  const filled = getdents64(fd, buffer, 0)
  close(fd)
  const entries: Entry[] = []
  for (let at = 0; at < filled; at += buffer.readUInt16LE(at + 16)) {
    const name = buffer.toString('latin1', at + 19, buffer.indexOf(0, at + 19))
    if (name !== '.' && name !== '..') entries.push({ name, type: buffer[at + 18] ?? 0 })
  }
  return entries
}
