// How far compressed data may grow before it is refused, whoever asked for it.
import type { ByteSource } from '../bytes/byte-source.js'
import { CompressionError } from './compression-error.js'

export interface DecompressLimits {
  /** Bytes that may come out. */
  readonly bytes: number
  /** Bytes that may come out for each byte that went in. */
  readonly ratio: number
  /** Bytes up to which the ratio is nobody's concern: an empty file of a gigabyte is honest. */
  readonly ratioFrom: number
}

export const defaultDecompressLimits: DecompressLimits = {
  bytes: 2 ** 40,
  ratio: 500,
  ratioFrom: 2 ** 30,
}

/** Counts what passes. */
export class Meter {
  bytes = 0

  /** The source itself, counted. */
  async *count(source: ByteSource): ByteSource {
    for await (const piece of source) {
      this.bytes += piece.length
      yield piece
    }
  }
}

/** Passes a stream on until it breaks a limit; then raises CompressionError `limit`. */
export async function* limited(
  stream: ByteSource,
  consumed: Meter,
  limits: DecompressLimits,
): ByteSource {
  let bytes = 0
  for await (const piece of stream) {
    bytes += piece.length
    if (bytes > limits.bytes)
      throw new CompressionError('limit', `it grows beyond ${limits.bytes} bytes`)
    if (bytes > limits.ratioFrom && bytes > limits.ratio * consumed.bytes)
      throw new CompressionError(
        'limit',
        `it grows to more than ${limits.ratio} times its size`,
      )
    yield piece
  }
}
