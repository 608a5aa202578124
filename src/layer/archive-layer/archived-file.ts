// One regular file of an archive, read where it lies: in the archive itself, or in what that is
// compressed from. Holes are zeros.
import type { RandomSource } from '../../bytes/random-source.js'
import type { SeekReader } from '../../compress/seek-reader.js'
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import type { SparseRun } from '../../tar/entry.js'
import type { ArchiveIndex } from './archive-index.js'

/** A part of a compressed stream, from `start` on. */
export interface Seekable {
  readonly reader: SeekReader
  readonly start: number
}

/** A layer's plain tar. */
export interface LayerTar {
  /** The layer's place among those of the image, the topmost first. */
  readonly number: number
  readonly source: RandomSource
  /** The archive's descriptor. */
  readonly fd: number
  /** Where a descriptor has the same bytes, as they are; null where they are compressed. */
  readonly direct: { readonly fd: number; readonly start: number } | null
  /** What it is decoded by, and where it begins in that; null where it is not compressed. */
  readonly seekable: Seekable | null
  /** Whether the file below is another than the one that was indexed. */
  readonly hasChanged: () => boolean
}

/** A run of a file's data that a descriptor has as it is. */
export interface DirectRun {
  readonly fd: number
  /** In that descriptor, and in the file. */
  readonly from: number
  readonly to: number
  readonly length: number
}

export class ArchivedFile {
  readonly size: number
  readonly tar: LayerTar
  /** Where its data begins in the tar. */
  private readonly start: number
  /** Where it has data; one run for a file that is stored whole. */
  readonly runs: readonly SparseRun[]

  constructor(index: ArchiveIndex, inode: number, tar: LayerTar) {
    this.tar = tar
    this.size = index.size(inode)
    this.start = index.dataOffset(inode)
    this.runs = index.sparse(inode) ?? [{ offset: 0, length: this.size }]
  }

  /** Its runs, where a descriptor has them; null where they are compressed. */
  get direct(): readonly DirectRun[] | null {
    const { direct } = this.tar
    if (direct === null) return null
    let stored = direct.start + this.start
    return this.runs.map(({ offset, length }) => {
      const run = { fd: direct.fd, from: stored, to: offset, length }
      stored += length
      return run
    })
  }

  /**
   * Reads from `position` on. Returns the bytes read: fewer than there is room for only at the
   * end. Throws FsError EIO where the archive is shorter than its index says.
   */
  read(position: number, into: Uint8Array): number {
    const length = Math.min(into.length, Math.max(this.size - position, 0))
    const wanted = into.subarray(0, length)
    wanted.fill(0)
    this.parts(position, length, (stored, from, to) => {
      this.fill(stored, wanted.subarray(from, to))
    })
    return length
  }

  /** Whether a read begins where the last one that was asked about has ended. */
  isInOrder(position: number, length: number): boolean {
    const isInOrder = position === this.expected
    this.expected = position + length
    return isInOrder
  }

  private expected = 0

  /** Which spans of a compressed tar have to be decoded before a read; none of a plain one. */
  missing(position: number, length: number): number[] {
    const { seekable } = this.tar
    const missing = new Set<number>()
    if (seekable === null) return []
    const { reader, start } = seekable
    this.parts(position, Math.min(length, this.size - position), (stored, from, to) => {
      for (const span of reader.missing(start + stored, to - from)) missing.add(span)
    })
    return [...missing]
  }

  /** The data in a range: where it is stored in the tar, and from where to where in the range. */
  private parts(
    position: number,
    length: number,
    each: (stored: number, from: number, to: number) => void,
  ): void {
    let stored = this.start
    for (const run of this.runs) {
      const from = Math.max(run.offset, position)
      const to = Math.min(run.offset + run.length, position + length)
      if (from < to) each(stored + from - run.offset, from - position, to - position)
      stored += run.length
    }
  }

  /** lseek(2)'s SEEK_DATA, or SEEK_HOLE: a position or -ENXIO. */
  seek(position: number, wantsData: boolean): number {
    if (position >= this.size) return -E.ENXIO
    let at = position
    for (const { offset, length } of this.runs) {
      if (length === 0 || offset + length <= at) continue
      if (wantsData) return Math.max(offset, at)
      if (at < offset) return at
      at = offset + length
    }
    return wantsData ? -E.ENXIO : Math.min(at, this.size)
  }

  private fill(at: number, into: Uint8Array): void {
    for (let done = 0; done < into.length;) {
      const read = this.tar.source.readAt(at + done, into.subarray(done))
      if (read === 0) throw new FsError(E.EIO, 'read of an archive')
      done += read
    }
  }
}
