// Reads a gzip stream anywhere, from the nearest seek point on. Goes on from where the last read
// ended when that is nearer, so that reading in order inflates everything once.
import type { RandomSource } from '../bytes/random-source.js'
import {
  INFLATE,
  type Inflater,
  inflatePrime,
  inflateReset,
  inflateRun,
  inflateSetWindow,
} from '../sys/inflate.js'
import { CompressionError } from './compression-error.js'
import { damaged, GZIP_MEMBER, newInflater } from './record-gzip.js'
import { pointBefore, type SeekPoint, type SeekPoints } from './seek-points.js'

/** A deflate stream without header and check, as it is from a block on. */
const RAW = -15
const INPUT = 64 * 1024
const OUTPUT = 256 * 1024
/** CRC and length behind a member (RFC 1952, 2.3.1), which a raw stream leaves there. */
const TRAILER = 8
const NO_STOP = Number.MAX_SAFE_INTEGER

export class GzipSeekReader implements RandomSource {
  readonly size: number
  private readonly packed: RandomSource
  private readonly points: readonly SeekPoint[]
  private readonly inflater: Inflater = newInflater(GZIP_MEMBER)
  private readonly result = new Float64Array(3)
  private readonly input = Buffer.allocUnsafeSlow(INPUT)
  private readonly output = Buffer.allocUnsafeSlow(OUTPUT)
  /** What of `input` has not been used. */
  private pending: Uint8Array = new Uint8Array(0)
  private packedAt = 0
  /** What came out last, and where in the plain stream it begins. */
  private chunk: Uint8Array = new Uint8Array(0)
  private chunkAt = -1
  private raw = false

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

  /** Inflates until the chunk has the byte at `plain`. */
  private seek(plain: number): void {
    const point = pointBefore(this.points, plain)
    const end = this.chunkAt + this.chunk.length
    const isBehind = this.chunkAt < 0 || plain < this.chunkAt
    if (point !== undefined && (isBehind || point.plain > end)) this.begin(point)
    while (plain >= this.chunkAt + this.chunk.length) this.step()
  }

  private begin({ plain, packed, bits, window }: SeekPoint): void {
    this.chunk = this.chunk.subarray(0, 0)
    // Until all is well the reader is nowhere.
    this.chunkAt = -1
    this.raw = window !== undefined
    must(inflateReset(this.inflater, this.raw ? RAW : GZIP_MEMBER))
    this.packedAt = bits === 0 ? packed : packed - 1
    this.pending = this.input.subarray(0, 0)
    if (bits !== 0) {
      this.refill()
      const first = this.pending[0] ?? 0
      must(inflatePrime(this.inflater, bits, first >> (8 - bits)))
      this.pending = this.pending.subarray(1)
    }
    if (window !== undefined) must(inflateSetWindow(this.inflater, window))
    this.chunkAt = plain
  }

  private step(): void {
    if (this.pending.length === 0) this.refill()
    const at = this.chunkAt + this.chunk.length
    this.chunkAt = -1
    const { inflater, pending, output, result } = this
    const status = inflateRun(inflater, pending, output, NO_STOP, result)
    if (status < 0) throw damaged(status)
    const [consumed = 0, made = 0] = result
    this.pending = pending.subarray(consumed)
    this.chunk = output.subarray(0, made)
    this.chunkAt = at
    if (status === INFLATE.end) this.nextMember()
  }

  private nextMember(): void {
    let skip = this.raw ? TRAILER : 0
    while (skip > 0) {
      if (this.pending.length === 0) this.refill()
      const passed = Math.min(skip, this.pending.length)
      this.pending = this.pending.subarray(passed)
      skip -= passed
    }
    this.raw = false
    must(inflateReset(this.inflater, GZIP_MEMBER))
  }

  private refill(): void {
    const length = this.packed.readAt(this.packedAt, this.input)
    if (length === 0) {
      this.chunkAt = -1
      throw new CompressionError('truncated', 'the gzip stream is cut off')
    }
    this.packedAt += length
    this.pending = this.input.subarray(0, length)
  }
}

function must(result: number): void {
  if (result < 0) throw damaged(result)
}
