// A whole tree that was changed as the tar of an OCI layer: what is not as its inventory has it, with
// whiteouts for what is gone. Names of one file change together, since its change time is theirs, so
// that they are one file in the archive, too. The tree keeps nothing of its own: all that is in it is
// somebody's. Reads it, changes nothing.
import { batched } from '../../bytes/batched.js'
import type { ByteSource } from '../../bytes/byte-source.js'
import { FsError } from '../../errno/fs-error.js'
import { FdCache } from '../../layer/fd-cache.js'
import { LayerDirectory } from '../../layer/layer-directory.js'
import { Layer } from '../../layer/layer.js'
import { readDirectory } from '../../layer/read-directory.js'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { isDirectory, statRecords } from '../../sys/stat.js'
import { depthBelow } from './depth.js'
import type { DiskObject } from './describe-object.js'
import { ObjectWriter } from './object-writer.js'
import { changesSince } from './tree-changes.js'

const BATCH = 256 * 1024
const DESCRIPTORS = 128

/**
 * @param tree latin1 bytes; nobody changes it meanwhile. @param inventory the file that tells what
 * it was.
 * @throws FsError, ImageError `store` for an inventory that cannot be read, `conflict` for a file
 * that is cut while it is read, `limit` for a tree that is too deep.
 */
export function treeToTar(tree: string, inventory: string): ByteSource {
  return batched(changedPieces(tree, inventory), BATCH)
}

/** All of a tree, as a flat tar. Raises what `treeToTar` raises. */
export function wholeTreeToTar(tree: string): ByteSource {
  return batched(wholePieces(tree), BATCH)
}

// The shape asks for async generators; nothing in them waits for more than the disk.
// eslint-disable-next-line @typescript-eslint/require-await
async function* changedPieces(tree: string, inventory: string): ByteSource {
  const writer = new ObjectWriter(null)
  const folders = new Folders(tree)
  try {
    // Attributes of a directory change nothing of it but its change time.
    for (const { kind, path } of changesSince(tree, inventory, 'all')) {
      const slash = path.lastIndexOf('/')
      const [directory, name] = [path.slice(1, slash), path.slice(slash + 1)]
      if (kind === 'D') yield writer.whiteout(directory, name)
      else yield* writer.object(objectAt(folders.open(directory), name), path.slice(1))
    }
    yield writer.end()
  } finally {
    folders.close()
  }
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* wholePieces(tree: string): ByteSource {
  const layer = new Layer(tree, openFolder(AT_FDCWD, tree, 0), -1)
  const whole = new WholeTree(layer)
  try {
    yield* whole.pieces()
  } finally {
    whole.close()
    layer.close()
  }
}

class WholeTree {
  private readonly layer: Layer
  private readonly writer = new ObjectWriter(null)
  private readonly fds = new FdCache(DESCRIPTORS)

  constructor(layer: Layer) {
    this.layer = layer
  }

  *pieces(): Generator<Uint8Array> {
    yield* this.writer.object(objectAt(this.layer.rootFd, '.'), '.')
    yield* this.below(this.layer.root, '', 0)
    yield this.writer.end()
  }

  close(): void {
    this.fds.shrink()
  }

  /** All that is in a directory; `path` ends in a slash, but for the root. */
  private *below(
    directory: LayerDirectory,
    path: string,
    depth: number,
  ): Generator<Uint8Array> {
    const names: string[] = []
    const error = readDirectory(directory, this.fds, name => names.push(name))
    if (error < 0) throw new FsError(error, 'getdents64', path)
    for (const name of names.sort()) {
      const object = objectAt(directory.mustOpen(this.fds), name)
      yield* this.writer.object(object, path + name)
      if (isDirectory(object.record))
        yield* this.below(
          new LayerDirectory(this.layer, directory, name),
          `${path}${name}/`,
          depthBelow(depth, path + name),
        )
    }
  }
}

function objectAt(dirfd: number, name: string): DiskObject {
  const record = statRecords(1)
  const error = statx(dirfd, name, AT_SYMLINK_NOFOLLOW, record, 0)
  if (error < 0) throw new FsError(error, 'statx', name)
  return { dirfd, name, record, override: null }
}

/** The directories of a tree, of which the last one that was asked for stays open. */
class Folders {
  private readonly root: number
  private path = ''
  private fd: number

  constructor(tree: string) {
    this.root = openFolder(AT_FDCWD, tree, 0)
    this.fd = this.root
  }

  /** One component at a time: a path may be longer than the kernel takes. Throws FsError. */
  open(path: string): number {
    if (path === this.path) return this.fd
    this.leave()
    for (const name of path.split('/').filter(part => part !== '')) {
      const above = this.fd
      this.fd = openFolder(above, name, O_NOFOLLOW)
      if (above !== this.root) close(above)
    }
    this.path = path
    return this.fd
  }

  close(): void {
    this.leave()
    close(this.root)
  }

  private leave(): void {
    if (this.fd !== this.root) close(this.fd)
    this.fd = this.root
    this.path = ''
  }
}

function openFolder(dirfd: number, name: string, more: number): number {
  const fd = openat2(dirfd, name, O_RDONLY | O_DIRECTORY | more, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', name)
  return fd
}
