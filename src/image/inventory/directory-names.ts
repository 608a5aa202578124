// The names of one directory as the disk has them, side by side in one buffer: no string and no
// object for each. Holds one directory at a time.
import { FsError } from '../../errno/fs-error.js'
import type { FdCache } from '../../layer/fd-cache.js'
import type { LayerDirectory } from '../../layer/layer-directory.js'
import { readRecords } from '../../layer/read-directory.js'

export class DirectoryNames {
  /** Each name with its NUL. */
  bytes = Buffer.alloc(1 << 14)
  /** Bytes that are used. */
  length = 0
  count = 0
  /** Where each name begins. */
  offsets = new Uint32Array(1 << 9)

  /** Reads a directory. Throws FsError. */
  read(directory: LayerDirectory, fds: FdCache): void {
    this.length = this.count = 0
    const error = readRecords(directory, fds, this.add)
    if (error < 0) throw new FsError(error, 'getdents64', directory.path())
  }

  /** The i-th name as a latin1 string. */
  name(i: number): string {
    const start = this.offsets[i] ?? 0
    const end = i + 1 < this.count ? (this.offsets[i + 1] ?? 0) : this.length
    return this.bytes.latin1Slice(start, end - 1)
  }

  private readonly add = (from: Buffer, start: number, end: number): void => {
    if (this.length + (end - start) + 1 > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.bytes.length)])
    if (this.count === this.offsets.length) {
      const grown = new Uint32Array(this.offsets.length * 2)
      grown.set(this.offsets)
      this.offsets = grown
    }
    const { bytes } = this
    let at = this.length
    this.offsets[this.count++] = at
    for (let i = start; i < end; i++) bytes[at++] = from[i] ?? 0
    bytes[at++] = 0
    this.length = at
  }
}
