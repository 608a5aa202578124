// A tar's entries into a directory that may be somebody else's, who changes it meanwhile: nothing is
// followed out of the tree, and nothing is written through a name. An object is made under a name
// of its own and gets its place by a rename; a directory is kept where there is one.
import { randomBytes } from 'node:crypto'
import type { ByteSource } from '../../bytes/byte-source.js'
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { componentsOf } from '../../layer/entry-name.js'
import { shown } from '../../layer/refusal.js'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import {
  fchmodat,
  fchownat,
  linkat,
  mkdirat,
  mknodat,
  renameat2,
  statx,
  symlinkat,
  unlinkat,
} from '../../sys/inode.js'
import { encodeRdev, isDirectory, statRecords } from '../../sys/stat.js'
import { setxattrat } from '../../sys/xattr.js'
import type { TarHeader } from '../../tar/entry.js'
import { TarReader } from '../../tar/reader.js'
import { ImageError } from '../model/errors.js'
import { writeTimes } from '../unpack/attributes.js'
import { writeContents } from '../unpack/write-contents.js'
import { openIn, type Tree } from './locate.js'

export interface Place {
  readonly tree: Tree
  /** A path of the directory, which is there. */
  readonly folder: string
  /** Whose the objects are; null for those whom the archive names. */
  readonly owner: { readonly uid: number; readonly gid: number } | null
}

const MAX_DEPTH = 2048
/** Of a directory that the archive has entries in and none of. */
const IMPLIED_MODE = 0o755
/** Ours alone while it is filled. */
const WHILE_FILLED = 0o700

/**
 * Unpacks an archive, which is read to its end.
 * @throws FsError, TarError, Refusal, or ImageError `invalid` where a directory stands in the way of
 * something else, or something else in that of a directory. What was made before stays.
 */
export async function extractInto(bytes: ByteSource, place: Place): Promise<void> {
  const reader = new TarReader(bytes)
  const extraction = new Extraction(reader, place)
  try {
    for (;;) {
      const header = await reader.next()
      if (header === undefined) break
      await extraction.take(header)
    }
    extraction.finish()
  } finally {
    extraction.close()
    await reader.close()
  }
}

class Extraction {
  private readonly reader: TarReader
  private readonly place: Place
  /** The directory that was opened last. */
  private opened: { readonly path: string; readonly fd: number } | null = null
  /** What is set when all is there: times change with whatever is made below. */
  private readonly directories: [path: string, header: TarHeader][] = []
  private readonly record = statRecords(1)

  constructor(reader: TarReader, place: Place) {
    this.reader = reader
    this.place = place
  }

  async take(header: TarHeader): Promise<void> {
    const components = componentsOf(header.path, MAX_DEPTH)
    const name = components.at(-1)
    // The directory itself stays as it is.
    if (name === undefined) return
    const parent = this.open(components.slice(0, -1))
    const isThere = this.kindOf(parent, name)
    if (header.type === 'directory') {
      if (isThere === 'other')
        throw refusal(
          `cannot replace ${shown(header.path)}, which is no directory, by one`,
        )
      if (isThere === null)
        make(mkdirat(parent, name, WHILE_FILLED), 'mkdir', header.path)
      this.directories.push([components.join('/'), header])
      return
    }
    if (isThere === 'directory')
      throw refusal(
        `cannot replace the directory ${shown(header.path)} by a ${header.type}`,
      )
    await this.replace(parent, name, header)
  }

  private kindOf(parent: number, name: string): 'directory' | 'other' | null {
    const result = statx(parent, name, AT_SYMLINK_NOFOLLOW, this.record, 0)
    if (result === -E.ENOENT) return null
    if (result < 0) throw new FsError(result, 'stat', name)
    return isDirectory(this.record) ? 'directory' : 'other'
  }

  private async replace(parent: number, name: string, header: TarHeader): Promise<void> {
    const hidden = `.plyfs-cp-${randomBytes(8).toString('hex')}`
    try {
      if (header.type === 'file') await this.file(parent, hidden, header)
      else this.special(parent, hidden, header)
      make(renameat2(parent, hidden, parent, name, 0), 'rename', header.path)
    } finally {
      // Two names of one file do not change places: rename(2) leaves both.
      unlinkat(parent, hidden, 0)
    }
  }

  private async file(parent: number, name: string, header: TarHeader): Promise<void> {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    const fd = make(openat2(parent, name, flags, 0o600, 0), 'create', header.path)
    try {
      await writeContents(this.reader, header, fd)
      this.complete(parent, name, fd, header)
    } finally {
      close(fd)
    }
  }

  private special(parent: number, name: string, header: TarHeader): void {
    const { path, linkname, type } = header
    if (type === 'link') {
      const target = componentsOf(linkname, MAX_DEPTH)
      const last = target.pop()
      if (last === undefined) throw refusal(`${shown(path)}: a hard link to a directory`)
      const from = this.openAlone(target)
      const linked = linkat(from, last, parent, name, 0)
      close(from)
      make(linked, 'link', path)
      return
    }
    if (type === 'symlink') make(symlinkat(linkname, parent, name), 'symlink', path)
    else make(mknodat(parent, name, modeOf(header), rdevOf(header)), 'mknod', path)
    const fd = make(openat2(parent, name, O_PATH | O_NOFOLLOW, 0, 0), 'open', path)
    try {
      this.complete(parent, name, fd, header)
    } finally {
      close(fd)
    }
  }

  /** Owner, mode, attributes, times, in the order in which none takes another away. */
  private complete(parent: number, name: string, fd: number, header: TarHeader): void {
    const { uid, gid } = this.place.owner ?? header
    const { path, mode, type, xattrs } = header
    make(fchownat(fd, '', uid, gid, AT_EMPTY_PATH), 'chown', path)
    if (type !== 'symlink')
      make(fchmodat(fd, '', mode & 0o7777, AT_EMPTY_PATH), 'chmod', path)
    for (const [attribute, value] of xattrs) {
      const result = setxattrat(parent, name, attribute, value, 0)
      // A filesystem without them, or none of the caller's to set: as cp(1) has it.
      if (result < 0 && result !== -E.EOPNOTSUPP && result !== -E.EPERM)
        throw new FsError(result, 'setxattr', path)
    }
    writeTimes(parent, name, header)
  }

  /** A directory below the place, made where there is none; valid until the next call. */
  private open(components: readonly string[]): number {
    const path = components.join('/')
    if (this.opened?.path === path) return this.opened.fd
    this.close()
    const fd = this.openAlone(components)
    this.opened = { path, fd }
    return fd
  }

  private openAlone(components: readonly string[]): number {
    const fd = this.tryOpen(components)
    if (fd >= 0) return fd
    const name = components.at(-1)
    if (fd !== -E.ENOENT || name === undefined)
      throw new FsError(fd, 'open', components.join('/'))
    const above = this.openAlone(components.slice(0, -1))
    try {
      const made = mkdirat(above, name, IMPLIED_MODE)
      if (made < 0 && made !== -E.EEXIST)
        throw new FsError(made, 'mkdir', components.join('/'))
      const { uid, gid } = this.place.owner ?? { uid: 0, gid: 0 }
      if (made >= 0) fchownat(above, name, uid, gid, AT_SYMLINK_NOFOLLOW)
    } finally {
      close(above)
    }
    return make(this.tryOpen(components), 'open', components.join('/'))
  }

  private tryOpen(components: readonly string[]): number {
    const { tree, folder } = this.place
    const path = [folder, ...components].join('/')
    return openIn(tree, path, O_PATH | O_DIRECTORY)
  }

  finish(): void {
    for (const [path, header] of this.directories.reverse()) {
      const components = path.split('/')
      const name = components.pop() ?? ''
      const parent = this.open(components)
      const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW
      const fd = make(openat2(parent, name, flags, 0, 0), 'open', path)
      try {
        this.complete(parent, name, fd, header)
      } finally {
        close(fd)
      }
    }
  }

  close(): void {
    if (this.opened !== null) close(this.opened.fd)
    this.opened = null
  }
}

function modeOf({ type, mode }: TarHeader): number {
  const kind = type === 'char' ? S_IFCHR : type === 'block' ? S_IFBLK : S_IFIFO
  return kind | (mode & 0o600)
}

function rdevOf({ type, devmajor, devminor }: TarHeader): number {
  return type === 'fifo' ? 0 : encodeRdev(devmajor, devminor)
}

function make(result: number, call: string, path: string): number {
  if (result < 0) throw new FsError(result, call, path)
  return result
}

function refusal(message: string): ImageError {
  return new ImageError('invalid', message)
}
