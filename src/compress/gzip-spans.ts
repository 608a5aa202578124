// Inflates from a seek point on.
import type { RandomSource } from '../bytes/random-source.js'
import {
  INFLATE,
  type Inflater,
  inflatePrime,
  inflateReset,
  inflateRun,
  inflateSetWindow,
} from '../sys/inflate.js'
import { PackedInput } from './packed-input.js'
import { damaged, GZIP_MEMBER, newInflater } from './record-gzip.js'
import type { SeekPoint } from './seek-points.js'
import type { Span, SpanDecoder } from './seek-reader.js'

/** A deflate stream without header and check, as it is from a block on. */
const RAW = -15
/** CRC and length behind a member (RFC 1952, 2.3.1), which a raw stream leaves there. */
const TRAILER = 8
const NO_STOP = Number.MAX_SAFE_INTEGER

export class GzipSpans implements SpanDecoder {
  private readonly inflater: Inflater = newInflater(GZIP_MEMBER)
  private readonly result = new Float64Array(3)

  fill(packed: RandomSource, point: SeekPoint, span: Span): void {
    const input = this.begin(packed, point)
    let isRaw = point.window !== undefined
    while (span.made < span.bytes.length) {
      if (this.run(input, span) !== INFLATE.end) continue
      if (isRaw) skip(input, TRAILER)
      isRaw = false
      must(inflateReset(this.inflater, GZIP_MEMBER))
    }
  }

  private begin(packed: RandomSource, point: SeekPoint): PackedInput {
    const { bits, window } = point
    must(inflateReset(this.inflater, window === undefined ? GZIP_MEMBER : RAW))
    const input = new PackedInput(packed, bits === 0 ? point.packed : point.packed - 1)
    if (bits !== 0) {
      input.need()
      must(inflatePrime(this.inflater, bits, (input.pending[0] ?? 0) >> (8 - bits)))
      input.use(1)
    }
    if (window !== undefined) must(inflateSetWindow(this.inflater, window))
    return input
  }

  private run(input: PackedInput, span: Span): number {
    input.need()
    const output = span.bytes.subarray(span.made)
    const status = inflateRun(this.inflater, input.pending, output, NO_STOP, this.result)
    if (status < 0) throw damaged(status)
    const [consumed = 0, made = 0] = this.result
    input.use(consumed)
    span.made += made
    return status
  }
}

function skip(input: PackedInput, bytes: number): void {
  for (let left = bytes; left > 0;) {
    input.need()
    const passed = Math.min(left, input.pending.length)
    input.use(passed)
    left -= passed
  }
}

function must(result: number): void {
  if (result < 0) throw damaged(result)
}
