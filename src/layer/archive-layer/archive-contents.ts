// The contents of an archive's files, read where they lie: in the archive itself, or in what it is
// compressed from. Holes are zeros.
import type { RandomSource } from '../../bytes/random-source.js'
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import type { ArchiveIndex } from './archive-index.js'

export class ArchiveContents {
  private readonly index: ArchiveIndex
  private readonly tar: RandomSource

  /** @param tar the plain archive that was indexed. */
  constructor(index: ArchiveIndex, tar: RandomSource) {
    this.index = index
    this.tar = tar
  }

  /**
   * Reads a file from `position` on. Returns the bytes read: fewer than there is room for only at
   * its end. Throws FsError EIO where the archive is shorter than its index says.
   */
  read(inode: number, position: number, into: Uint8Array): number {
    const size = this.index.size(inode)
    const length = Math.min(into.length, Math.max(size - position, 0))
    const wanted = into.subarray(0, length)
    const start = this.index.dataOffset(inode)
    const runs = this.index.sparse(inode)
    if (runs === null) this.fill(start + position, wanted)
    else {
      wanted.fill(0)
      let stored = start
      for (const run of runs) {
        const from = Math.max(run.offset, position)
        const to = Math.min(run.offset + run.length, position + length)
        if (from < to)
          this.fill(
            stored + from - run.offset,
            wanted.subarray(from - position, to - position),
          )
        stored += run.length
      }
    }
    return length
  }

  private fill(at: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const read = this.tar.readAt(at + done, into.subarray(done))
      if (read === 0) throw new FsError(E.EIO, 'read of an archive')
      done += read
    }
  }
}
