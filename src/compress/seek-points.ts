// Random access into compressed streams. While a stream is read once, points are recorded from
// which reading can begin: for gzip the end of a deflate block with the 32 KiB that came out
// before it (zlib.h, Z_BLOCK), for zstd the beginning of a frame. A point's data is never trusted
// to be small or right: a reader that meets damage raises CompressionError.
import type { ByteSource } from '../bytes/byte-source.js'
import type { RandomSource } from '../bytes/random-source.js'
import { crc32 } from '../sys/inflate.js'
import type { Compression } from './compression.js'
import { GzipSpans } from './gzip-spans.js'
import { recordGzip } from './record-gzip.js'
import { recordZstd } from './record-zstd.js'
import { SeekReader, SpanCache } from './seek-reader.js'
import { ZstdSpans } from './zstd-spans.js'

/** A place where reading can begin. */
export interface SeekPoint {
  /** Bytes of the plain stream before it. */
  readonly plain: number
  /** Bytes of the compressed stream before it, the one that it begins within counted. */
  readonly packed: number
  /** Bits of that byte that are the point's. */
  readonly bits: number
  /** What came out before it; undefined where a member or frame begins. */
  readonly window: Uint8Array | undefined
  /** CRC-32 of the plain bytes up to the next point, right when those have come out. */
  check: number
}

export interface SeekPoints {
  readonly compression: Compression
  /** In order; the first is at 0. */
  readonly points: SeekPoint[]
  /** Bytes of the plain stream; right when the stream has been read to its end. */
  size: number
}

/** Plain bytes between two points of gzip: about 5 ms of inflating, and 1.5 % of them in memory. */
export const DEFAULT_SPACING = 2 * 1024 * 1024

/** Points to be filled by `recordPoints`. */
export function emptyPoints(compression: Compression): SeekPoints {
  return { compression, points: [], size: 0 }
}

/**
 * The plain bytes of a compressed source. When they have been read to their end, `into` has the
 * points and the size. @throws CompressionError where the data is cut off or damaged.
 */
export function recordPoints(
  source: ByteSource,
  into: SeekPoints,
  spacing = DEFAULT_SPACING,
): ByteSource {
  switch (into.compression) {
    case 'none':
      return recordPlain(source, into)
    case 'gzip':
      return recordGzip(source, into, spacing)
    case 'zstd':
      return recordZstd(source, into)
  }
}

/** Counts what has come out behind the last point. */
export function noteOutput(into: SeekPoints, output: Uint8Array): void {
  const last = into.points.at(-1)
  if (last !== undefined) last.check = crc32(last.check, output)
  into.size += output.length
}

async function* recordPlain(source: ByteSource, into: SeekPoints): ByteSource {
  for await (const piece of source) {
    into.size += piece.length
    yield piece
  }
}

/** What readers keep of what they have decoded, all of them together. */
const cache = new SpanCache(64 * 1024 * 1024)

/**
 * The plain stream, read anywhere: a SeekReader where it is compressed. `packed` is the one that was
 * recorded.
 */
export function openSeekable(packed: RandomSource, points: SeekPoints): RandomSource {
  switch (points.compression) {
    case 'none':
      return packed
    case 'gzip':
      return new SeekReader(packed, points, new GzipSpans(), cache)
    case 'zstd':
      return new SeekReader(packed, points, new ZstdSpans(), cache)
  }
}

/** The most that has to be decompressed to reach a byte: a zstd layer may be one frame. */
export function largestGap({ points, size }: SeekPoints): number {
  let gap = 0
  points.forEach((point, i) => {
    gap = Math.max(gap, (points[i + 1]?.plain ?? size) - point.plain)
  })
  return gap
}

/** Which is the last point that is not behind `plain`; -1 for none. */
export function pointBefore(points: readonly SeekPoint[], plain: number): number {
  let low = 0
  let high = points.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((points[middle]?.plain ?? Infinity) <= plain) low = middle + 1
    else high = middle
  }
  return low - 1
}
