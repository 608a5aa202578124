// Lays an unpacked layer over a whole tree, as the union would show the two: whiteouts take names
// away, opaque directories all that is below theirs, everything else takes the place of what is
// there. What is copied keeps owner, mode, times, attributes (by the names that a user sees), hard
// links, holes and devices; contents are shared where the disk can. Works by descriptors and never
// through a symbolic link; knows nothing of where the tree is going to be mounted.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { DeepPaths } from '../../layer/deep-paths.js'
import type { LayerFormat } from '../../layer/format.js'
import { opaqueValue } from '../../layer/opaque.js'
import { isDeviceWhiteout, isXattrWhiteout } from '../../layer/whiteout.js'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOATIME,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  O_WRONLY,
  PATH_MAX,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import {
  linkat,
  mkdirat,
  mknodat,
  readlinkat,
  statx,
  symlinkat,
} from '../../sys/inode.js'
import { copyData } from '../../sys/pool.js'
import {
  isDirectory,
  isRegular,
  isSymlink,
  ST,
  statBigInt,
  statMode,
  statNumber,
  statRecords,
} from '../../sys/stat.js'
import { listNames } from '../store/list-names.js'
import { removeBelow } from '../store/remove-tree.js'
import { clearAttributes, copyAttributes } from './copy-attributes.js'

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW
const READ = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOATIME
const CREATE = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW

const target = Buffer.alloc(PATH_MAX)

/**
 * @param from the layer's root, or that of a whole tree; `to` the tree's root: latin1 bytes.
 * @param format how the layer spells what it hides; null for a tree that is copied as it is, onto
 *   an empty one.
 * @param onBytes told the size of each file.
 * @throws FsError; the tree is then neither the old nor the new one.
 */
export function layOver(
  from: string,
  to: string,
  format: LayerFormat | null,
  onBytes: (bytes: number) => void = () => undefined,
): void {
  const source = openFolder(AT_FDCWD, from)
  try {
    const tree = openFolder(AT_FDCWD, to)
    try {
      const laying = new Laying(tree, format, onBytes)
      try {
        laying.root(source)
      } finally {
        laying.close()
      }
    } finally {
      close(tree)
    }
  } finally {
    close(source)
  }
}

class Laying {
  private readonly tree: number
  private readonly format: LayerFormat | null
  private readonly onBytes: (bytes: number) => void
  /** Where the first name of a file with several has been made, by its inode in the layer. */
  private readonly links = new Map<bigint, string>()
  private readonly deep = new DeepPaths()

  constructor(
    tree: number,
    format: LayerFormat | null,
    onBytes: (bytes: number) => void,
  ) {
    this.tree = tree
    this.format = format
    this.onBytes = onBytes
  }

  root(source: number): void {
    this.directory(source, this.tree, '')
  }

  close(): void {
    this.deep.close()
  }

  /** Two open directories; `path` is the tree's, with a slash at its end but for the root. */
  private directory(from: number, to: number, path: string): void {
    const own = this.stat(from, '.')
    // What is made here must not inherit an access control list.
    clearAttributes(to)
    for (const name of listNames(from)) {
      const record = this.stat(from, name)
      if (this.isWhiteout(from, name, record)) removeBelow(to, name)
      else if (isDirectory(record)) this.below(from, to, name, path)
      else this.object(from, to, name, record, path)
    }
    copyAttributes(from, '.', to, '.', own, this.format)
  }

  private isWhiteout(from: number, name: string, record: Uint32Array): boolean {
    if (this.format === null) return false
    return isDeviceWhiteout(record) || isXattrWhiteout(from, name, record, this.format)
  }

  private below(from: number, to: number, name: string, path: string): void {
    const hides = this.format !== null && opaqueValue(from, name, this.format) === 'y'
    if (hides) removeBelow(to, name)
    const made = mkdirat(to, name, 0o700)
    const isThere = made === -E.EEXIST && isDirectory(this.stat(to, name))
    if (!isThere && made < 0)
      this.replace(made, to, name, 'mkdir', () => mkdirat(to, name, 0o700))
    const source = openFolder(from, name)
    try {
      const copy = openFolder(to, name)
      try {
        this.directory(source, copy, `${path}${name}/`)
      } finally {
        close(copy)
      }
    } finally {
      close(source)
    }
  }

  private object(
    from: number,
    to: number,
    name: string,
    record: Uint32Array,
    path: string,
  ): void {
    const ino = statBigInt(record, ST.ino)
    const first = this.links.get(ino)
    if (first !== undefined) {
      const at = this.deep.reach(this.tree, first)
      const link = (): number => linkat(at.dirfd, at.name, to, name, 0)
      this.replace(link(), to, name, 'link', link)
      return
    }
    if (isRegular(record)) this.file(from, to, name, statNumber(record, ST.size))
    else {
      const make = makerOf(from, to, name, record)
      this.replace(make(), to, name, 'mknod', make)
    }
    copyAttributes(from, name, to, name, record, this.format)
    if ((record[ST.nlink] ?? 1) > 1) this.links.set(ino, path + name)
  }

  private file(from: number, to: number, name: string, size: number): void {
    const source = opened(openat2(from, name, READ, 0, 0), name)
    try {
      const create = (): number => openat2(to, name, CREATE, 0o600, 0)
      const copy = this.replace(create(), to, name, 'open', create)
      const error = copyData(source, copy, size, 0)
      close(copy)
      if (error < 0) throw new FsError(error, 'copy', name)
    } finally {
      close(source)
    }
    this.onBytes(size)
  }

  /** The result of a call that makes a name; where there is one already, of another without it. */
  private replace(
    result: number,
    to: number,
    name: string,
    call: string,
    again: () => number,
  ): number {
    let made = result
    if (made === -E.EEXIST) {
      removeBelow(to, name)
      made = again()
    }
    if (made < 0) throw new FsError(made, call, name)
    return made
  }

  private stat(dir: number, name: string): Uint32Array {
    const record = statRecords(1)
    const error = statx(dir, name, AT_SYMLINK_NOFOLLOW, record, 0)
    if (error < 0) throw new FsError(error, 'statx', name)
    return record
  }
}

/** Makes a symlink, device, FIFO or socket like the one of a record. */
function makerOf(
  from: number,
  to: number,
  name: string,
  record: Uint32Array,
): () => number {
  if (!isSymlink(record))
    return () => mknodat(to, name, statMode(record), record[ST.rdev] ?? 0)
  const length = readlinkat(from, name, target, 0)
  if (length < 0) throw new FsError(length, 'readlink', name)
  const text = target.latin1Slice(0, length)
  return () => symlinkat(text, to, name)
}

function openFolder(dir: number, name: string): number {
  return opened(openat2(dir, name, DIRECTORY, 0, 0), name)
}

function opened(fd: number, name: string): number {
  if (fd < 0) throw new FsError(fd, 'open', name)
  return fd
}
