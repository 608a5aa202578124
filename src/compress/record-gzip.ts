// Inflates a gzip stream once, on one of Node's threads, and notes seek points on the way. Members
// follow each other; what stands behind the last one is not looked at.
import { asBuffer, type ByteSource } from '../bytes/byte-source.js'
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import {
  INFLATE,
  INFLATE_WINDOW,
  type Inflater,
  inflateCreate,
  inflateGetWindow,
  inflateReset,
  inflateRunAsync,
} from '../sys/inflate.js'
import { CompressionError } from './compression-error.js'
import { noteOutput, type SeekPoints } from './seek-points.js'

/** windowBits for a gzip header, and a check of what comes out. */
export const GZIP_MEMBER = 31
const OUTPUT = 256 * 1024

/** The plain bytes of a gzip stream. Raises CompressionError; `into` is right at the end. */
export async function* recordGzip(
  source: ByteSource,
  into: SeekPoints,
  spacing: number,
): ByteSource {
  const recorder = new Recorder(into, spacing)
  for await (const piece of source) yield* recorder.all(asBuffer(piece))
  // What zlib still holds when the input is used up.
  if (recorder.hasMore) yield* recorder.all(new Uint8Array(0))
  recorder.checkEnd()
}

class Recorder {
  /** Behind the last member there was something else. */
  finished = false
  /** The last output was full. */
  hasMore = false
  private readonly inflater: Inflater
  private readonly result = new Float64Array(3)
  private readonly into: SeekPoints
  private readonly spacing: number
  private packed = 0
  /** In a member: it has begun and not ended. */
  private inMember = false
  private nextPoint = 0

  constructor(into: SeekPoints, spacing: number) {
    this.inflater = newInflater(GZIP_MEMBER)
    this.into = into
    this.spacing = spacing
  }

  /** All that an input gives; the next run goes on while the reader has the last one's output. */
  async *all(piece: Uint8Array): ByteSource {
    let input = piece
    let running: Promise<Inflated> | undefined = this.run(input)
    while (running !== undefined) {
      const { output, consumed } = await running
      input = input.subarray(consumed)
      const goesOn = (input.length > 0 && !this.finished) || this.hasMore
      running = goesOn ? this.run(input) : undefined
      // Its error is told when it is waited for, if it ever is.
      running?.catch(() => undefined)
      if (output.length > 0) yield output
    }
  }

  private async run(input: Uint8Array): Promise<Inflated> {
    if (!this.inMember && !this.beginMember(input)) return NOTHING
    const output = Buffer.allocUnsafeSlow(OUTPUT)
    const wanted = Math.max(this.nextPoint - this.into.size, 1)
    const { inflater, result } = this
    const status = await inflateRunAsync(inflater, input, output, wanted, result)
    if (status < 0) throw damaged(status)
    const [consumed = 0, made = 0, bits = 0] = result
    this.packed += consumed
    noteOutput(this.into, output.subarray(0, made))
    this.hasMore = made === output.length
    if (status === INFLATE.boundary && this.into.size >= this.nextPoint) this.note(bits)
    if (status === INFLATE.end) this.endMember()
    return { output: output.subarray(0, made), consumed }
  }

  checkEnd(): void {
    if (this.inMember || this.into.points.length === 0)
      throw new CompressionError('truncated', 'the gzip stream is cut off')
  }

  /** A member begins with its magic byte; anything else ends the stream. */
  private beginMember(input: Uint8Array): boolean {
    if (input.length === 0) return false
    this.finished = this.into.points.length > 0 && input[0] !== 0x1f
    if (this.finished) return false
    this.inMember = true
    const { points, size } = this.into
    if (points.length > 0 && size < this.nextPoint) return true
    points.push({
      plain: size,
      packed: this.packed,
      bits: 0,
      window: undefined,
      check: 0,
    })
    this.nextPoint = size + this.spacing
    return true
  }

  private endMember(): void {
    this.inMember = this.hasMore = false
    const error = inflateReset(this.inflater, GZIP_MEMBER)
    if (error < 0) throw damaged(error)
  }

  private note(bits: number): void {
    const room = Buffer.allocUnsafeSlow(INFLATE_WINDOW)
    const length = inflateGetWindow(this.inflater, room)
    if (length < 0) throw damaged(length)
    const window = length === room.length ? room : Buffer.from(room.subarray(0, length))
    const { points, size } = this.into
    points.push({ plain: size, packed: this.packed, bits, window, check: 0 })
    this.nextPoint = size + this.spacing
  }
}

interface Inflated {
  readonly output: Uint8Array
  readonly consumed: number
}

const NOTHING: Inflated = { output: new Uint8Array(0), consumed: 0 }

/** A new inflater. Throws FsError where there is no memory for one. */
export function newInflater(windowBits: number): Inflater {
  const inflater = inflateCreate(windowBits)
  if (typeof inflater === 'number') throw new FsError(inflater, 'inflateInit2')
  return inflater
}

/** The error that a failed run is. */
export function damaged(status: number): Error {
  if (status === -E.EBADMSG)
    return new CompressionError('malformed', 'the gzip stream is damaged')
  return new FsError(status, 'inflate')
}
