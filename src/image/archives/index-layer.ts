// The index of one layer's tar, and the seek points where the tar is compressed, in one pass.
import { asBuffer, type ByteSource } from '../../bytes/byte-source.js'
import { InOrder, type RandomSource } from '../../bytes/random-source.js'
import {
  type Compression,
  DETECT_BYTES,
  detectCompression,
} from '../../compress/compression.js'
import { peek } from '../../compress/decompress.js'
import { defaultDecompressLimits, limited, Meter } from '../../compress/limits.js'
import { emptyPoints, recordPoints, type SeekPoints } from '../../compress/seek-points.js'
import { buildArchiveIndex } from '../../layer/archive-layer/build-index.js'
import { defaultUnpackLimits } from '../unpack/limits.js'
import { explain } from '../unpack/refusal.js'

/** What is known of a layer's tar once it has been read. */
export interface IndexedTar {
  /** What `buildArchiveIndex` made. */
  readonly index: Uint8Array
  /** Where decoding can begin. */
  readonly points: SeekPoints
}

/** Bytes of compressed data that are read at once. */
const PACKED_PIECE = 256 * 1024

/**
 * Indexes what a random source holds, packed as it may be.
 * @param layer what errors call it.
 * @throws ImageError that names layer and entry.
 */
export function indexTar(packed: RandomSource, layer: string): Promise<IndexedTar> {
  const compression = compressionOf(packed)
  // A plain tar's contents are passed over unread.
  if (compression === 'none')
    return run(new InOrder(packed), emptyPoints(compression), layer, packed.size)
  return run(new InOrder(packed, PACKED_PIECE), emptyPoints(compression), layer)
}

/** The same of what comes in pieces, as it passes by. */
export async function indexPassing(
  packed: ByteSource,
  layer: string,
): Promise<IndexedTar> {
  const { first, whole } = await peek(packed)
  return run(whole, emptyPoints(detectCompression(first)), layer)
}

/** What a source is compressed with, by its first bytes. */
export function compressionOf(source: RandomSource): Compression {
  const first = Buffer.alloc(DETECT_BYTES)
  return detectCompression(first.subarray(0, source.readAt(0, first)))
}

/** The plain bytes of a compressed source, points recorded, growth limited. */
export function recorded(packed: ByteSource, points: SeekPoints): ByteSource {
  const meter = new Meter()
  const plain = recordPoints(meter.count(packed), points)
  return limited(plain, meter, defaultDecompressLimits)
}

async function run(
  packed: ByteSource,
  points: SeekPoints,
  layer: string,
  plainSize?: number,
): Promise<IndexedTar> {
  let entry: string | undefined
  try {
    const tar = points.compression === 'none' ? packed : recorded(packed, points)
    const index = await buildArchiveIndex(tar, defaultUnpackLimits, path => {
      entry = path
    })
    if (plainSize !== undefined) points.size = plainSize
    return { index: asBuffer(index), points }
  } catch (error) {
    throw explain(error, layer, entry)
  }
}
