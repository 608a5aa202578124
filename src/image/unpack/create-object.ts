// Makes one object of a layer from its entry: everything but directories and hard links. What
// stood under its name in this layer goes first; nothing is written through a name that exists.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { mknodat, symlinkat } from '../../sys/inode.js'
import { encodeRdev } from '../../sys/stat.js'
import type { TarHeader } from '../../tar/entry.js'
import type { TarReader } from '../../tar/reader.js'
import { writeTimes } from './attributes.js'
import type { UnpackDirectory } from './layer-tree.js'
import type { Owner } from './ownership.js'
import { Refusal } from '../../layer/refusal.js'
import type { Unpacking } from './unpacking.js'
import { writeContents, writeNow } from './write-contents.js'

/** include/linux/kdev_t.h: more would be cut off, and might end as 0/0. */
const MAX_MAJOR = 0xfff
const MAX_MINOR = 0xfffff

/**
 * A regular file with its contents: at once where they are at hand, else a promise.
 * Raises Refusal, FsError, TarError.
 */
export function createFile(
  u: Unpacking,
  reader: TarReader,
  parent: UnpackDirectory,
  name: string,
  header: TarHeader,
): Promise<void> | undefined {
  const mode = S_IFREG | (header.mode & 0o7777)
  const fd = newFile(u, parent, name, u.ownership.creationMode(mode))
  const finish = (): void => finishObject(u, parent, name, header, { mode, rdev: 0 })
  if (header.sparse !== undefined || header.storedSize > reader.available)
    return writeLater(u, reader, header, fd).then(finish)
  try {
    writeNow(reader, header, fd, u.digests)
  } finally {
    close(fd)
  }
  finish()
  return undefined
}

async function writeLater(
  u: Unpacking,
  reader: TarReader,
  header: TarHeader,
  fd: number,
): Promise<void> {
  try {
    await writeContents(reader, header, fd, u.digests)
  } finally {
    close(fd)
  }
}

/** A symlink, device or FIFO. Raises Refusal, FsError. */
export function createSpecial(
  u: Unpacking,
  parent: UnpackDirectory,
  name: string,
  header: TarHeader,
): void {
  const kind = kindOf(header)
  if (header.type === 'symlink') {
    if (header.linkname === '') throw new Refusal('malformed', 'a symlink to nothing')
    make(u, parent, name, 'symlink', dirfd => symlinkat(header.linkname, dirfd, name))
  } else if (u.ownership.madeAsFile(kind.mode)) {
    close(newFile(u, parent, name, u.ownership.creationMode(kind.mode)))
  } else {
    const mode = (kind.mode & ~0o7777) | u.ownership.creationMode(kind.mode)
    make(u, parent, name, 'mknod', dirfd => mknodat(dirfd, name, mode, kind.rdev))
  }
  finishObject(u, parent, name, header, kind)
}

function newFile(
  u: Unpacking,
  parent: UnpackDirectory,
  name: string,
  mode: number,
): number {
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
  return make(u, parent, name, 'open', dirfd => openat2(dirfd, name, flags, mode, 0))
}

/** Runs a call that makes `name`; where something has that name, once more without it. */
export function make(
  u: Unpacking,
  parent: UnpackDirectory,
  name: string,
  call: string,
  run: (dirfd: number) => number,
): number {
  let result = run(u.tree.fd(parent))
  if (result === -E.EEXIST) {
    u.tree.remove(parent, name)
    result = run(u.tree.fd(parent))
  }
  if (result < 0) throw new FsError(result, call, name)
  return result
}

function kindOf({ type, mode, devmajor, devminor }: TarHeader): Kind {
  const bits = mode & 0o7777
  if (type === 'symlink') return { mode: S_IFLNK | 0o777, rdev: 0 }
  if (type !== 'char' && type !== 'block') return { mode: S_IFIFO | bits, rdev: 0 }
  if (!isWithin(devmajor, MAX_MAJOR) || !isWithin(devminor, MAX_MINOR))
    throw new Refusal(
      'malformed',
      `a device number ${devmajor}/${devminor} that cannot be`,
    )
  // It would hide what lies below it: a whiteout, which an image may only have by its own name.
  if (type === 'char' && devmajor === 0 && devminor === 0)
    throw new Refusal('unsupported', 'a character device 0/0, which would be a whiteout')
  const rdev = encodeRdev(devmajor, devminor)
  return { mode: (type === 'char' ? S_IFCHR : S_IFBLK) | bits, rdev }
}

type Kind = Pick<Owner, 'mode' | 'rdev'>

function isWithin(value: number, most: number): boolean {
  return value >= 0 && value <= most
}

/** Owner and mode, then what a change of those would take away, then the times. */
function finishObject(
  u: Unpacking,
  parent: UnpackDirectory,
  name: string,
  header: TarHeader,
  { mode, rdev }: Kind,
): void {
  const { uid, gid } = header
  const fd = u.tree.fd(parent)
  u.ownership.apply(fd, name, { uid, gid, mode, rdev }, u.ownership.creationMode(mode))
  u.attributes.write(fd, name, header.xattrs)
  writeTimes(fd, name, header)
}
