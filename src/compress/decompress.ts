// Opens whatever a layer or an archive is compressed with. Its first bytes decide, never a name.
// Inflating runs on Node's thread pool, beside what the reader does with the last piece.
import { bytesOf, type ByteSource } from '../bytes/byte-source.js'
import { type Compression, DETECT_BYTES, detectCompression } from './compression.js'
import { gunzip, gunzipBytes } from './gzip.js'
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

/** What may come out of a few bytes before they are worth a thread. */
const AT_ONCE = 4 * 1024 * 1024

/**
 * As `decompress`, for bytes that lie in memory: where little comes out of them, it is there at once,
 * without a way through Node's streams and threads.
 */
export async function decompressBytes(
  bytes: Uint8Array,
  limits: DecompressLimits = defaultDecompressLimits,
): Promise<Decompressed> {
  if (detectCompression(bytes) !== 'gzip') return decompress(bytesOf(bytes), limits)
  return { compression: 'gzip', stream: inflated(bytes, limits) }
}

async function* inflated(bytes: Uint8Array, limits: DecompressLimits): ByteSource {
  const plain = gunzipBytes(bytes, Math.min(AT_ONCE, limits.bytes, limits.ratioFrom))
  if (plain === null) yield* (await decompress(bytesOf(bytes), limits)).stream
  else yield plain
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
