// Decodes zstd from the beginning of a frame on.
import type { RandomSource } from '../bytes/random-source.js'
import { PackedInput } from './packed-input.js'
import type { SeekPoint } from './seek-points.js'
import type { Span, SpanDecoder } from './seek-reader.js'
import { ZstdDecoder } from './zstd.js'
import { zstdBinding } from './zstd-binding.js'

export class ZstdSpans implements SpanDecoder {
  constructor() {
    // Nothing may be loaded once a mount lies over it.
    zstdBinding()
  }

  fill(packed: RandomSource, point: SeekPoint, span: Span): void {
    const decoder = new ZstdDecoder()
    const input = new PackedInput(packed, point.packed)
    // A full output may have more behind it that needs no input.
    let isFull = false
    while (span.made < span.bytes.length) {
      if (!isFull) input.need()
      const room = span.bytes.subarray(span.made)
      const { made, consumed } = decoder.decodeInto(input.pending, room)
      input.use(consumed)
      span.made += made
      isFull = made === room.length
    }
  }
}
