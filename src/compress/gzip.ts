// gzip through Node's zlib, on its thread pool. Streams of several members are one stream; what
// stands behind the last member is not looked at, as gzip(1) does.
import { pipeline, Readable, type Transform } from 'node:stream'
import { createGunzip, createGzip, gunzipSync } from 'node:zlib'
import type { ByteSource } from '../bytes/byte-source.js'
import { CompressionError } from './compression-error.js'

/** Fewer hand-overs between threads, and pieces that fill a whole write. */
const CHUNK = 512 * 1024

/** The plain bytes of a gzip stream. Raises CompressionError. */
export async function* gunzip(source: ByteSource): ByteSource {
  try {
    yield* through(source, createGunzip({ chunkSize: CHUNK }))
  } catch (error) {
    throw refusal(error)
  }
}

/**
 * The plain bytes of a gzip stream that lies in memory, on this thread; null where there are more of
 * them than `most`. Raises CompressionError.
 */
export function gunzipBytes(bytes: Uint8Array, most: number): Uint8Array | null {
  try {
    return gunzipSync(bytes, { maxOutputLength: most })
  } catch (error) {
    if (codeOf(error) === 'ERR_BUFFER_TOO_LARGE') return null
    throw refusal(error)
  }
}

/** A gzip stream that is the same for the same bytes: no time, no name. */
export function gzip(source: ByteSource): ByteSource {
  return through(source, createGzip({ chunkSize: CHUNK }))
}

/** A source's bytes after a transform; an early end or an error ends both. */
async function* through(source: ByteSource, transform: Transform): ByteSource {
  let failure: unknown
  const input = Readable.from(source, { objectMode: false, highWaterMark: CHUNK })
  pipeline(input, transform, error => (failure = error))
  try {
    for await (const piece of transform as AsyncIterable<Buffer>) yield piece
  } catch (error) {
    // What the source threw, rather than that the transform was ended by it.
    throw failure ?? error
  }
}

/** zlib's own errors have codes that begin with Z_; others are the source's. */
function refusal(error: unknown): unknown {
  const code = codeOf(error)
  if (!code.startsWith('Z_')) return error
  return code === 'Z_BUF_ERROR'
    ? new CompressionError('truncated', 'the gzip stream is cut off', error)
    : new CompressionError('malformed', 'the gzip stream is damaged', error)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
