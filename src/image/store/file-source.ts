// The bytes of a file, or of a part of it, as a source. The next piece is read while the last one
// is used; nothing is kept.
import { type FileHandle, open } from 'node:fs/promises'
import type { ByteSource } from '../../bytes/byte-source.js'
import { ImageError } from '../model/errors.js'
import { nodePath } from './store-place.js'

const PIECE = 1024 * 1024

/**
 * A file by its path (latin1 bytes), or a part of it; opened at the first read, closed at the end.
 * @throws ImageError `malformed` when the file ends before `length` bytes.
 */
export async function* fileSource(
  path: string,
  offset = 0,
  length = Infinity,
): ByteSource {
  const file = await open(nodePath(path), 'r')
  try {
    yield* handleSource(file, offset, length)
  } finally {
    await file.close()
  }
}

/**
 * `length` bytes of an open file from `offset`, all there are for Infinity. Closing it is the
 * caller's. @throws ImageError `malformed` when the file ends before.
 */
export async function* handleSource(
  file: FileHandle,
  offset: number,
  length: number,
): ByteSource {
  let at = 0
  let next = readPiece(file, offset, length)
  try {
    for (;;) {
      const piece = await next
      if (piece.length === 0) break
      at += piece.length
      next = readPiece(file, offset + at, length - at)
      next.catch(() => undefined)
      yield piece
    }
  } finally {
    // Whoever closes the file must not do so under a read.
    await next.catch(() => undefined)
  }
  if (length !== Infinity && at < length)
    throw new ImageError('malformed', `the file ends ${length - at} bytes too early`)
}

async function readPiece(
  file: FileHandle,
  position: number,
  left: number,
): Promise<Uint8Array> {
  const want = Math.min(PIECE, left)
  if (want <= 0) return new Uint8Array(0)
  // Fresh memory for each piece: whoever has the last one may still use it.
  const buffer = Buffer.allocUnsafeSlow(want)
  const { bytesRead } = await file.read(buffer, 0, want, position)
  return buffer.subarray(0, bytesRead)
}
