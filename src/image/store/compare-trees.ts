// Whether two unpacked layers are the same: names, types, modes, owners, sizes, modification times,
// devices, link targets, attributes, hard links, contents. Reads by descriptors, changes nothing.
import { FsError } from '../../errno/fs-error.js'
import { isDeviceWhiteout } from '../../layer/whiteout.js'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  PATH_MAX,
} from '../../sys/constants.js'
import { close, openat2, pread } from '../../sys/file.js'
import { readlinkat, statx } from '../../sys/inode.js'
import {
  isDirectory,
  isRegular,
  isSymlink,
  ST,
  statBigInt,
  statMode,
  statNumber,
  statRecords,
  statSeconds,
  statWord,
} from '../../sys/stat.js'
import { listNames } from './list-names.js'
import { readXattrs } from './read-xattrs.js'

export interface Difference {
  /** From the layer's root, `/` for the root itself; a latin1 string of bytes. */
  readonly path: string
  /** "mode", "contents", "missing", "added" ... */
  readonly what: string
}

/** What more than this many differences are not worth. */
const ENOUGH = 1000
const PIECE = 1024 * 1024

/**
 * What is different at `found` from what `expected` has. Both are folders.
 * @throws FsError.
 */
export function compareTrees(expected: string, found: string): Difference[] {
  const [one, two] = [openFolder(AT_FDCWD, expected), openFolder(AT_FDCWD, found)]
  try {
    const comparison = new Comparison()
    comparison.folder(one, two, '')
    return comparison.differences
  } finally {
    close(one)
    close(two)
  }
}

class Comparison {
  readonly differences: Difference[] = []
  private readonly one = statRecords(1)
  private readonly two = statRecords(1)
  /** Inodes with several names: theirs on one side by ours on the other. */
  private readonly links = new Map<bigint, bigint>()
  private readonly bufferOne = Buffer.allocUnsafe(PIECE)
  private readonly bufferTwo = Buffer.allocUnsafe(PIECE)

  /** Two open folders, `path` without a slash at its end. */
  folder(one: number, two: number, path: string): void {
    this.inode(one, two, '.', path === '' ? '/' : path)
    const [expected, found] = [new Set(listNames(one)), new Set(listNames(two))]
    for (const name of found)
      if (!expected.has(name)) this.differ(`${path}/${name}`, 'added')
    for (const name of expected) {
      if (this.differences.length >= ENOUGH) return
      if (found.has(name)) this.entry(one, two, name, `${path}/${name}`)
      else this.differ(`${path}/${name}`, 'missing')
    }
  }

  private entry(one: number, two: number, name: string, path: string): void {
    this.stat(one, name, this.one)
    this.stat(two, name, this.two)
    if (isDirectory(this.one) && isDirectory(this.two)) {
      const below = [openFolder(one, name), openFolder(two, name)] as const
      try {
        this.folder(...below, path)
      } finally {
        below.forEach(fd => close(fd))
      }
      return
    }
    if (!this.inode(one, two, name, path)) return
    if (isRegular(this.one)) this.contents(one, two, name, path)
    else if (isSymlink(this.one) && readLink(one, name) !== readLink(two, name))
      this.differ(path, 'target')
  }

  /** What stat and the attributes say; false when the types differ already. */
  private inode(one: number, two: number, name: string, path: string): boolean {
    this.stat(one, name, this.one)
    this.stat(two, name, this.two)
    const [a, b] = [this.one, this.two]
    if ((statMode(a) ^ statMode(b)) & ~0o7777) {
      this.differ(path, 'type')
      return false
    }
    if (statMode(a) !== statMode(b)) this.differ(path, 'mode')
    if (statWord(a, ST.uid) !== statWord(b, ST.uid)) this.differ(path, 'owner')
    if (statWord(a, ST.gid) !== statWord(b, ST.gid)) this.differ(path, 'group')
    if (statWord(a, ST.rdev) !== statWord(b, ST.rdev)) this.differ(path, 'device number')
    // A whiteout is of the moment it was made: the archive's marker has no inode of its own.
    const sameTime =
      isDeviceWhiteout(a) ||
      (statSeconds(a, ST.mtime) === statSeconds(b, ST.mtime) &&
        statWord(a, ST.mtimeNsec) === statWord(b, ST.mtimeNsec))
    if (!sameTime) this.differ(path, 'modification time')
    if (!isDirectory(a)) {
      if (statNumber(a, ST.size) !== statNumber(b, ST.size)) this.differ(path, 'size')
      this.hardLink(path)
    }
    if (readXattrs(one, name) !== readXattrs(two, name))
      this.differ(path, 'extended attributes')
    return true
  }

  private hardLink(path: string): void {
    const [a, b] = [this.one, this.two]
    if (statWord(a, ST.nlink) !== statWord(b, ST.nlink)) this.differ(path, 'hard links')
    else if (statWord(a, ST.nlink) > 1) {
      const [expected, found] = [statBigInt(a, ST.ino), statBigInt(b, ST.ino)]
      const known = this.links.get(expected)
      if (known === undefined) this.links.set(expected, found)
      else if (known !== found) this.differ(path, 'hard links')
    }
  }

  private contents(one: number, two: number, name: string, path: string): void {
    if (statNumber(this.one, ST.size) !== statNumber(this.two, ST.size)) return
    const fds = [openFile(one, name), openFile(two, name)] as const
    try {
      for (let at = 0; ;) {
        const a = readAt(fds[0], this.bufferOne, at)
        const b = readAt(fds[1], this.bufferTwo, at)
        if (a !== b || this.bufferOne.compare(this.bufferTwo, 0, b, 0, a) !== 0) {
          this.differ(path, 'contents')
          return
        }
        if (a === 0) return
        at += a
      }
    } finally {
      fds.forEach(fd => close(fd))
    }
  }

  private stat(dir: number, name: string, record: Uint32Array): void {
    const result = statx(dir, name, AT_SYMLINK_NOFOLLOW, record, 0)
    if (result < 0) throw new FsError(result, 'statx', name)
  }

  private differ(path: string, what: string): void {
    this.differences.push({ path, what })
  }
}

function openFolder(dir: number, name: string): number {
  return opened(openat2(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0), name)
}

function openFile(dir: number, name: string): number {
  return opened(openat2(dir, name, O_RDONLY | O_NOFOLLOW, 0, 0), name)
}

function opened(fd: number, name: string): number {
  if (fd < 0) throw new FsError(fd, 'open', name)
  return fd
}

/** A whole piece, but at the end. */
function readAt(fd: number, buffer: Buffer, position: number): number {
  let done = 0
  while (done < buffer.length) {
    const count = pread(fd, buffer, done, buffer.length - done, position + done)
    if (count < 0) throw new FsError(count, 'pread')
    if (count === 0) break
    done += count
  }
  return done
}

function readLink(dir: number, name: string): string {
  const buffer = Buffer.allocUnsafe(PATH_MAX)
  const length = readlinkat(dir, name, buffer, 0)
  if (length < 0) throw new FsError(length, 'readlink', name)
  return buffer.latin1Slice(0, length)
}
