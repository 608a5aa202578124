// Opens whatever a layer or an archive is compressed with. Its first bytes decide, never a name.
// Inflating runs on Node's thread pool, beside what the reader does with the last piece.
import type { ByteSource } from '../bytes/byte-source.js'
import { type Compression, DETECT_BYTES, detectCompression } from './compression.js'
import { gunzip } from './gzip.js'
import {
  type DecompressLimits,
  defaultDecompressLimits,
  limited,
  Meter,
} from './limits.js'
import { unzstd } from './zstd.js'

/** A stream that has been opened. */
export interface Decompressed {
  readonly compression: Compression
  /** The plain bytes; raises CompressionError where the data is cut off, damaged or too large. */
  readonly stream: ByteSource
}

/**
 * @param source is read once, as the stream is; its errors come out of the stream.
 * @param limits on what comes out; a source that is not compressed is limited in bytes alone.
 */
export async function decompress(
  source: ByteSource,
  limits: DecompressLimits = defaultDecompressLimits,
): Promise<Decompressed> {
  const { first, whole } = await peek(source)
  const compression = detectCompression(first)
  const meter = new Meter()
  const counted = meter.count(whole)
  switch (compression) {
    case 'none':
      return { compression, stream: limited(counted, meter, limits) }
    case 'gzip':
      return { compression, stream: limited(gunzip(counted), meter, limits) }
    case 'zstd':
      return { compression, stream: limited(unzstd(counted), meter, limits) }
  }
}

/** The first bytes of a source, enough to tell how it is compressed, and the source with them still in it. */
export async function peek(
  source: ByteSource,
): Promise<{ first: Uint8Array; whole: ByteSource }> {
  const iterator = source[Symbol.asyncIterator]()
  let first: Uint8Array = new Uint8Array(0)
  while (first.length < DETECT_BYTES) {
    const step = await iterator.next()
    if (step.done === true) break
    // A piece is valid only until the next is asked for: one that is not enough is copied.
    const enough = first.length === 0 && step.value.length >= DETECT_BYTES
    first = enough ? step.value : Buffer.concat([first, step.value])
  }
  return { first: first.subarray(0, DETECT_BYTES), whole: resumed(first, iterator) }
}

async function* resumed(
  first: Uint8Array,
  iterator: AsyncIterator<Uint8Array>,
): ByteSource {
  try {
    if (first.length > 0) yield first
    for (;;) {
      const step = await iterator.next()
      if (step.done === true) return
      yield step.value
    }
  } finally {
    await iterator.return?.()
  }
}
