// The directories of a layer that is being unpacked: which there are, what the archive said of
// them, and a descriptor of each when it is needed. Everything is reached from the layer's root,
// one real directory at a time; no symlink is ever followed, and nothing else of the layer is kept
// in memory.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { FdCache } from '../../layer/fd-cache.js'
import { LayerDirectory } from '../../layer/layer-directory.js'
import { Layer } from '../../layer/layer.js'
import { readDirectory } from '../../layer/read-directory.js'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../../sys/constants.js'
import { openat2 } from '../../sys/file.js'
import { mkdirat, statx, unlinkat } from '../../sys/inode.js'
import { statRecords } from '../../sys/stat.js'
import type { TarHeader } from '../../tar/entry.js'
import type { Components } from '../../layer/entry-name.js'
import { Refusal, shown } from '../../layer/refusal.js'

/** Descriptors of directories that are kept open. */
const DESCRIPTORS = 512

/** Ours alone while it is filled; what it gets in the end is set when all is there. */
const WHILE_FILLED = 0o700

const record = statRecords(1)

/** A directory of the layer. */
export class UnpackDirectory extends LayerDirectory {
  readonly children = new Map<string, UnpackDirectory>()
  /** Its last entry; undefined while only entries below it have been met. */
  header: TarHeader | undefined
  /** Nothing of the layers below is to be seen in it. */
  opaque = false
  /** Names that are hidden in the layers below. */
  whiteouts: Set<string> | undefined
}

export class LayerTree {
  readonly root: UnpackDirectory
  private readonly layer: Layer
  private readonly fds = new FdCache(DESCRIPTORS)

  /** @param path the layer's root, an empty directory. Throws FsError. */
  constructor(path: string) {
    const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0)
    if (fd < 0) throw new FsError(fd, 'open', path)
    this.layer = new Layer(path, fd, -1)
    this.root = new UnpackDirectory(this.layer, null, '')
  }

  /** A descriptor of a directory, valid for the next calls. Throws FsError. */
  fd(directory: UnpackDirectory): number {
    return directory.mustOpen(this.fds)
  }

  /** The directory with that name, made where there is nothing. Raises Refusal, FsError. */
  directory(components: Components): UnpackDirectory {
    let at = this.root
    for (const name of components) {
      const child = at.children.get(name)
      if (child !== undefined) at = child
      else if (this.exists(at, name))
        throw new Refusal(
          'malformed',
          `'${shown(name)}' of its path is not a directory in this layer`,
        )
      else at = this.make(at, name)
    }
    return at
  }

  /** The directory of an entry of its own: what else stood there goes. */
  replaceByDirectory(parent: UnpackDirectory, name: string): UnpackDirectory {
    const child = parent.children.get(name)
    if (child !== undefined) return child
    this.remove(parent, name)
    return this.make(parent, name)
  }

  /** Whether the layer has an object of that name. Throws FsError. */
  exists(parent: UnpackDirectory, name: string): boolean {
    const error = statx(this.fd(parent), name, AT_SYMLINK_NOFOLLOW, record, 0)
    if (error < 0 && error !== -E.ENOENT)
      throw new FsError(error, 'statx', `${parent.path()}/${name}`)
    return error >= 0
  }

  /** Makes room for an object: what stands under its name goes, a directory with all it has. */
  remove(parent: UnpackDirectory, name: string): void {
    const child = parent.children.get(name)
    if (child !== undefined) this.empty(child)
    parent.children.delete(name)
    const how = child === undefined ? 0 : AT_REMOVEDIR
    const error = unlinkat(this.fd(parent), name, how)
    if (error < 0 && error !== -E.ENOENT)
      throw new FsError(error, 'unlink', `${parent.path()}/${name}`)
  }

  close(): void {
    const drop = (directory: UnpackDirectory): void => {
      this.fds.drop(directory)
      directory.children.forEach(drop)
    }
    drop(this.root)
    this.layer.close()
  }

  private make(parent: UnpackDirectory, name: string): UnpackDirectory {
    const error = mkdirat(this.fd(parent), name, WHILE_FILLED)
    if (error < 0) throw new FsError(error, 'mkdir', `${parent.path()}/${name}`)
    const made = new UnpackDirectory(this.layer, parent, name)
    parent.children.set(name, made)
    return made
  }

  private empty(directory: UnpackDirectory): void {
    const names: string[] = []
    const error = readDirectory(directory, this.fds, name => names.push(name))
    if (error < 0) throw new FsError(error, 'getdents64', directory.path())
    for (const name of names) this.remove(directory, name)
    this.fds.drop(directory)
  }
}
