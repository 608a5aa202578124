// Reads a compressed stream anywhere: what lies between two seek points is decoded as a whole and
// kept a while, since who reads a byte of it soon wants the rest.
import type { RandomSource } from '../bytes/random-source.js'
import { crc32 } from '../sys/inflate.js'
import { CompressionError } from './compression-error.js'
import { pointBefore, type SeekPoint, type SeekPoints } from './seek-points.js'

/** What follows a point, up to the next one. */
export interface Span {
  readonly bytes: Buffer
  /** How many of them have been decoded. */
  made: number
  /** What stopped it before they were all there. */
  failure: unknown
}

/** The side of a reader that knows the format. */
export interface SpanDecoder {
  /** Decodes from a point until the span is full. Throws CompressionError; `made` is right then. */
  fill(packed: RandomSource, point: SeekPoint, span: Span): void
}

/** Spans that several readers keep together: the least recently used go first. */
export class SpanCache {
  private readonly spans = new Map<SeekPoint, Span>()
  private size = 0
  private readonly limit: number

  /** @param limit bytes that are kept. */
  constructor(limit: number) {
    this.limit = limit
  }

  get(point: SeekPoint): Span | undefined {
    const span = this.spans.get(point)
    if (span === undefined) return undefined
    this.spans.delete(point)
    this.spans.set(point, span)
    return span
  }

  add(point: SeekPoint, span: Span): void {
    this.size += span.bytes.length - (this.spans.get(point)?.bytes.length ?? 0)
    this.spans.set(point, span)
    for (const [oldest, { bytes }] of this.spans) {
      if (this.size <= this.limit || oldest === point) return
      this.spans.delete(oldest)
      this.size -= bytes.length
    }
  }
}

export class SeekReader implements RandomSource {
  readonly size: number
  private readonly packed: RandomSource
  private readonly points: readonly SeekPoint[]
  private readonly decoder: SpanDecoder
  private readonly cache: SpanCache

  constructor(
    packed: RandomSource,
    { points, size }: SeekPoints,
    decoder: SpanDecoder,
    cache: SpanCache,
  ) {
    this.packed = packed
    this.size = size
    // Points of its own: they are the keys in the cache.
    this.points = points.map(point => ({ ...point }))
    this.decoder = decoder
    this.cache = cache
  }

  readAt(position: number, into: Uint8Array): number {
    const wanted = Math.min(into.length, Math.max(this.size - position, 0))
    for (let done = 0; done < wanted;) {
      const at = pointBefore(this.points, position + done)
      const point = this.points[at]
      // Points begin at 0.
      if (point === undefined) return done
      const span = this.span(point, at)
      const from = position + done - point.plain
      if (from >= span.made) throw span.failure
      const part = span.bytes.subarray(from, Math.min(from + wanted - done, span.made))
      into.set(part, done)
      done += part.length
    }
    return wanted
  }

  /** Which spans a read asks for that are not kept: their places among the points. */
  missing(position: number, length: number): number[] {
    const end = Math.min(position + length, this.size)
    const missing: number[] = []
    if (position >= end) return missing
    for (let at = pointBefore(this.points, position); ; at++) {
      const point = this.points[at]
      if (point === undefined || point.plain >= end) return missing
      if (this.cache.get(point) === undefined) missing.push(at)
    }
  }

  /** Bytes of a span. */
  spanLength(at: number): number {
    const plain = this.points[at]?.plain ?? this.size
    return (this.points[at + 1]?.plain ?? this.size) - plain
  }

  /**
   * Decodes a span into memory of the caller's, for another reader of the same stream. Returns the
   * bytes that are right: fewer than there is room for where the stream is damaged or cut off.
   * Throws what the packed source throws.
   */
  decode(at: number, bytes: Buffer): number {
    const point = this.points[at]
    if (point === undefined) throw new RangeError('no such span')
    const span = this.decoded(point, bytes)
    const isWhole = span.made === bytes.length
    if (!isWhole && !(span.failure instanceof CompressionError)) throw span.failure
    return span.made
  }

  /** Keeps a span that another reader has decoded. */
  accept(at: number, bytes: Buffer, made: number): void {
    const point = this.points[at]
    if (point === undefined) return
    const failure =
      made < bytes.length
        ? new CompressionError('malformed', 'the stream is not what was indexed')
        : undefined
    this.cache.add(point, { bytes, made, failure })
  }

  private span(point: SeekPoint, at: number): Span {
    const known = this.cache.get(point)
    if (known !== undefined) return known
    const span = this.decoded(point, Buffer.allocUnsafeSlow(this.spanLength(at)))
    // What could not be read now may be read later; it says nothing of the archive.
    if (span.failure === undefined || span.failure instanceof CompressionError)
      this.cache.add(point, span)
    return span
  }

  private decoded(point: SeekPoint, bytes: Buffer): Span {
    const span: Span = { bytes, made: 0, failure: undefined }
    try {
      this.decoder.fill(this.packed, point, span)
      if (crc32(0, span.bytes) !== point.check)
        throw new CompressionError('malformed', 'the stream is not what was indexed')
    } catch (error) {
      span.failure = error
      // Nobody has compared what came before the fault.
      if (error instanceof CompressionError && error.code === 'malformed') span.made = 0
    }
    return span
  }
}
