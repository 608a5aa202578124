// Puts small pieces together: what works piece by piece (a compressor's thread, a socket) should
// not be asked for every header.
import type { ByteSource } from './byte-source.js'

/** The same bytes in pieces of `size` bytes, but for large ones, which pass as they are. */
export async function* batched(source: ByteSource, size: number): ByteSource {
  let batch = Buffer.allocUnsafeSlow(size)
  let used = 0
  for await (const piece of source) {
    if (used > 0 && used + piece.length > size) {
      yield batch.subarray(0, used)
      batch = Buffer.allocUnsafeSlow(size)
      used = 0
    }
    if (piece.length >= size) yield piece
    else {
      batch.set(piece, used)
      used += piece.length
    }
  }
  if (used > 0) yield batch.subarray(0, used)
}
