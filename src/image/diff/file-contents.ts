// The data of a file for an archive: its runs, and the bytes in them. Holes that are worth it stay
// holes.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  SEEK_DATA,
  SEEK_HOLE,
} from '../../sys/constants.js'
import { close, lseek, openat2, pread } from '../../sys/file.js'
import type { SparseRun } from '../../tar/entry.js'
import type { TarEntry, TarWriter } from '../../tar/writer.js'
import { ImageError } from '../model/errors.js'

/** Holes of fewer bytes together are written as zeros, which every reader knows. */
const WORTH_A_MAP = 1 << 20
const PIECE = 1 << 20

/** A file with its contents, as `entry` describes it. Throws FsError, or ImageError for a cut file. */
export function* packFile(
  writer: TarWriter,
  entry: TarEntry,
  dirfd: number,
  name: string,
): Generator<Uint8Array> {
  const { path, size } = entry
  const fd = openContents(dirfd, name)
  try {
    const sparse = sparseRuns(fd, size)
    yield writer.header(sparse === undefined ? entry : { ...entry, sparse })
    for (const run of sparse ?? [{ offset: 0, length: size }])
      for (const piece of readRun(fd, run, path)) yield writer.data(piece)
  } finally {
    close(fd)
  }
}

/** Opens a file for reading, never through a symlink. Throws FsError. */
export function openContents(dirfd: number, name: string): number {
  const how = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
  const fd = openat2(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, how)
  if (fd < 0) throw new FsError(fd, 'open', name)
  return fd
}

/** The runs of data of a sparse file; undefined where it is written as a whole. Throws FsError. */
function sparseRuns(fd: number, size: number): SparseRun[] | undefined {
  const runs: SparseRun[] = []
  let data = 0
  for (let end = 0; end < size;) {
    const offset = lseek(fd, end, SEEK_DATA)
    if (offset === -E.ENXIO) break
    // A filesystem that knows no holes.
    if (offset === -E.EINVAL || offset === -E.EOPNOTSUPP) return undefined
    if (offset < 0) throw new FsError(offset, 'lseek')
    if (offset >= size) break
    const hole = lseek(fd, offset, SEEK_HOLE)
    if (hole < 0) throw new FsError(hole, 'lseek')
    end = Math.min(hole, size)
    runs.push({ offset, length: end - offset })
    data += end - offset
  }
  return size - data >= WORTH_A_MAP ? runs : undefined
}

/** The bytes of one run. @throws ImageError `conflict` where the file has been cut meanwhile. */
export function* readRun(
  fd: number,
  { offset, length }: SparseRun,
  path: string,
): Generator<Uint8Array> {
  for (let done = 0; done < length;) {
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, length - done))
    const read = pread(fd, buffer, 0, buffer.length, offset + done)
    if (read < 0) throw new FsError(read, 'read', path)
    if (read === 0)
      throw new ImageError('conflict', 'a file became shorter while it was packed', {
        entry: path,
      })
    done += read
    yield buffer.subarray(0, read)
  }
}
