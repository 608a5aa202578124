// The data of one file, from the archive to the disk: written where it lies in memory, holes of
// sparse files left out. Never more than the header said.
import { createHash } from 'node:crypto'
import { FsError } from '../../errno/fs-error.js'
import { ftruncate, pwrite } from '../../sys/file.js'
import type { TarHeader } from '../../tar/entry.js'
import type { TarReader } from '../../tar/reader.js'
import { type ContentDigests, sha256 } from '../inventory/content-digests.js'

/** Fills a new file with the contents of the reader's current entry. Throws FsError, TarError. */
export async function writeContents(
  reader: TarReader,
  header: TarHeader,
  fd: number,
  digests?: ContentDigests,
): Promise<void> {
  if (header.sparse !== undefined) {
    await writeSparse(reader, header, fd)
    return
  }
  const hash = digests && createHash('sha256')
  let offset = 0
  while (offset < header.storedSize) {
    const piece = reader.readNow() ?? (await reader.read())
    if (piece === undefined) return
    writeAll(fd, piece, 0, piece.length, offset)
    hash?.update(piece)
    offset += piece.length
  }
  if (hash !== undefined) digests?.add(fd, hash.digest())
}

/** Fills a new file with contents that are at hand as a whole. Throws FsError. */
export function writeNow(
  reader: TarReader,
  header: TarHeader,
  fd: number,
  digests?: ContentDigests,
): void {
  const piece = reader.readNow()
  if (piece === undefined) return
  writeAll(fd, piece, 0, header.storedSize, 0)
  digests?.add(fd, sha256(piece))
}

async function writeSparse(
  reader: TarReader,
  { sparse = [], size }: TarHeader,
  fd: number,
): Promise<void> {
  let piece: Uint8Array | undefined
  let at = 0
  for (const run of sparse) {
    for (let done = 0; done < run.length;) {
      if (piece === undefined || at === piece.length) {
        piece = await reader.read()
        at = 0
      }
      if (piece === undefined) return
      const length = Math.min(piece.length - at, run.length - done)
      writeAll(fd, piece, at, length, run.offset + done)
      at += length
      done += length
    }
  }
  const error = ftruncate(fd, size)
  if (error < 0) throw new FsError(error, 'ftruncate')
}

function writeAll(
  fd: number,
  bytes: Uint8Array,
  at: number,
  length: number,
  position: number,
): void {
  for (let done = 0; done < length;) {
    const written = pwrite(fd, bytes, at + done, length - done, position + done)
    if (written < 0) throw new FsError(written, 'write')
    done += written
  }
}
