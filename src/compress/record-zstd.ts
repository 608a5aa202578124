// Decodes a zstd stream once, and notes where its frames begin.
import type { ByteSource } from '../bytes/byte-source.js'
import { CompressionError } from './compression-error.js'
import { noteOutput, type SeekPoints } from './seek-points.js'
import { ZSTD_CHUNK, ZstdDecoder } from './zstd.js'

/** Plain bytes between two points at least: a frame for each file would be too many. */
const APART = 128 * 1024

/** The plain bytes of a zstd stream. Raises CompressionError; `into` is right at the end. */
export async function* recordZstd(source: ByteSource, into: SeekPoints): ByteSource {
  const decoder = new ZstdDecoder()
  const { points } = into
  let packed = 0
  for await (const piece of source) {
    let input = piece
    for (;;) {
      if (!decoder.inFrame && input.length > 0) {
        const last = points.at(-1)
        if (last === undefined || into.size - last.plain >= APART)
          points.push({ plain: into.size, packed, bits: 0, window: undefined, check: 0 })
      }
      const { output, consumed } = decoder.decode(input)
      packed += consumed
      noteOutput(into, output)
      if (output.length > 0) yield output
      input = input.subarray(consumed)
      if (input.length === 0 && output.length < ZSTD_CHUNK) break
    }
  }
  if (decoder.inFrame) throw new CompressionError('truncated', 'a zstd frame is cut off')
}
