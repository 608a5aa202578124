// Records what an unpacked layer consists of. Comes after the last change of any entry: a change time
// is known only then, and moving the folder that the layer's root lies in changes none.
import { FsError } from '../../errno/fs-error.js'
import type { Layer } from '../../layer/layer.js'
import { AT_EMPTY_PATH, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx, statxBatch } from '../../sys/inode.js'
import {
  isDirectory,
  isRegular,
  isSymlink,
  ST,
  STAT_WORDS,
  statNumber,
  statRecords,
} from '../../sys/stat.js'
import type { ContentDigests } from './content-digests.js'
import { digestOfFile, digestOfTarget, finished } from './digest-contents.js'
import { DirectoryNames } from './directory-names.js'
import { InventoryWriter } from './inventory-writer.js'
import { LayerWalk } from './layer-walk.js'
import { openLayerRoot } from './open-layer-root.js'

const BATCH = 256
/** What `st_blocks` counts in. */
const SECTOR = 512

/**
 * The bytes of a layer's inventory.
 * @param path the layer's root, a latin1 string of bytes.
 * @param digests those that are known; files that have none are read. null: names and attributes
 * alone are recorded.
 * @throws FsError
 */
export function recordInventory(path: string, digests: ContentDigests | null): Buffer {
  return inventoryOf(openLayerRoot(path), digests)
}

/** The same of an open layer, which is closed. */
export function inventoryOf(layer: Layer, digests: ContentDigests | null): Buffer {
  const recording = new Recording(layer, digests)
  try {
    return recording.run()
  } finally {
    recording.close()
    layer.close()
  }
}

class Recording {
  private readonly layer: Layer
  private readonly digests: ContentDigests | null
  private readonly writer = new InventoryWriter()
  private readonly walk: LayerWalk
  private readonly names = new DirectoryNames()
  private readonly records = statRecords(BATCH)

  constructor(layer: Layer, digests: ContentDigests | null) {
    this.layer = layer
    this.digests = digests
    this.walk = new LayerWalk(layer.rootFd)
  }

  run(): Buffer {
    const error = statx(this.layer.rootFd, '', AT_EMPTY_PATH, this.records, 0)
    if (error < 0) throw new FsError(error, 'statx', this.layer.path)
    this.writer.entry(this.records, 0, 0)
    while (this.walk.next()) this.directory(this.walk.fd)
    return this.writer.finish()
  }

  close(): void {
    this.walk.close()
  }

  private directory(fd: number): void {
    const { names } = this
    names.read(fd)
    this.writer.block(names.count, names.bytes, names.length)
    for (let first = 0; first < names.count; first += BATCH) {
      const count = Math.min(BATCH, names.count - first)
      statxBatch(fd, names.bytes, names.offsets, first, count, this.records)
      for (let k = 0; k < count; k++) this.entry(fd, first + k, k * STAT_WORDS)
    }
  }

  private entry(fd: number, i: number, at: number): void {
    const { records } = this
    if (records[at + ST.mask] === 0)
      throw new FsError(records[at] ?? 0, 'statx', this.names.name(i))
    const hasDigest = isRegular(records, at) || isSymlink(records, at)
    const digest = hasDigest ? this.digest(fd, i, at) : 0
    this.writer.entry(records, at, digest)
    if (isDirectory(records, at)) this.walk.note(this.names.name(i))
  }

  private digest(dirfd: number, i: number, at: number): number {
    const { records, writer } = this
    const size = statNumber(records, ST.size, at)
    if (size === 0 || this.digests === null) return 0
    if (isSymlink(records, at))
      return writer.digest(digestOfTarget(dirfd, this.names.name(i)), false)
    const known = this.digests.find(records, at)
    if (known !== undefined) return writer.digest(known, false)
    const byBlocks = statNumber(records, ST.blocks, at) * SECTOR < size
    const name = this.names.name(i)
    const fd = openat2(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, 0)
    if (fd < 0) throw new FsError(fd, 'open', name)
    try {
      const digest = finished(digestOfFile(fd, size, byBlocks))
      if (!byBlocks) this.digests.add(fd, digest)
      return writer.digest(digest, byBlocks)
    } finally {
      close(fd)
    }
  }
}
