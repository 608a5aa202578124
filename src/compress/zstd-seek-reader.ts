// Reads a zstd stream anywhere, from the beginning of the nearest frame on. Goes on from where the
// last read ended when that is nearer.
import type { RandomSource } from '../bytes/random-source.js'
import { CompressionError } from './compression-error.js'
import { pointBefore, type SeekPoint, type SeekPoints } from './seek-points.js'
import { ZstdDecoder } from './zstd.js'

const INPUT = 64 * 1024
const OUTPUT = 256 * 1024

export class ZstdSeekReader implements RandomSource {
  readonly size: number
  private readonly packed: RandomSource
  private readonly points: readonly SeekPoint[]
  private readonly input = Buffer.allocUnsafeSlow(INPUT)
  private decoder = new ZstdDecoder()
  private pending: Uint8Array = new Uint8Array(0)
  private packedAt = 0
  private chunk: Uint8Array = new Uint8Array(0)
  /** Where in the plain stream the chunk begins; -1 before the first. */
  private chunkAt = -1

  constructor(packed: RandomSource, points: SeekPoints) {
    this.packed = packed
    this.size = points.size
    this.points = points.points
  }

  readAt(position: number, into: Uint8Array): number {
    const wanted = Math.min(into.length, Math.max(this.size - position, 0))
    let done = 0
    while (done < wanted) {
      this.seek(position + done)
      const from = position + done - this.chunkAt
      const part = this.chunk.subarray(from, from + wanted - done)
      into.set(part, done)
      done += part.length
    }
    return done
  }

  private seek(plain: number): void {
    const point = pointBefore(this.points, plain)
    const end = this.chunkAt + this.chunk.length
    const isBehind = this.chunkAt < 0 || plain < this.chunkAt
    if (point !== undefined && (isBehind || point.plain > end)) {
      this.decoder = new ZstdDecoder()
      this.pending = this.input.subarray(0, 0)
      this.packedAt = point.packed
      this.chunk = this.chunk.subarray(0, 0)
      this.chunkAt = point.plain
    }
    while (plain >= this.chunkAt + this.chunk.length) this.step()
  }

  private step(): void {
    const at = this.chunkAt + this.chunk.length
    // After an error the reader is nowhere.
    this.chunkAt = -1
    // A full output may have more behind it that needs no input.
    if (this.pending.length === 0 && this.chunk.length < OUTPUT) this.refill()
    const { output, consumed } = this.decoder.decode(this.pending, OUTPUT)
    this.pending = this.pending.subarray(consumed)
    this.chunk = output
    this.chunkAt = at
  }

  private refill(): void {
    const length = this.packed.readAt(this.packedAt, this.input)
    if (length === 0)
      throw new CompressionError('truncated', 'the zstd stream is cut off')
    this.packedAt += length
    this.pending = this.input.subarray(0, length)
  }
}
