// What a decoder of a span has yet to read of the compressed bytes.
import type { RandomSource } from '../bytes/random-source.js'
import { CompressionError } from './compression-error.js'

const PIECE = 64 * 1024

export class PackedInput {
  /** Bytes that have been read and not used. */
  pending: Uint8Array = new Uint8Array(0)
  private readonly buffer = Buffer.allocUnsafeSlow(PIECE)
  private readonly packed: RandomSource
  private at: number

  constructor(packed: RandomSource, at: number) {
    this.packed = packed
    this.at = at
  }

  /** Makes sure that something is pending. @throws CompressionError at the end of the bytes. */
  need(): void {
    if (this.pending.length > 0) return
    const length = this.packed.readAt(this.at, this.buffer)
    if (length === 0) throw new CompressionError('truncated', 'the stream is cut off')
    this.at += length
    this.pending = this.buffer.subarray(0, length)
  }

  use(bytes: number): void {
    this.pending = this.pending.subarray(bytes)
  }
}
