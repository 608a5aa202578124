// Reads a byte source by count instead of by piece, without waiting where the bytes are there:
// what lies within one piece is handed out where it lies. Who finds too few bytes goes back to
// where it began, waits for `grow`, and begins again.
import { asBuffer, type ByteSource, type SkippingIterator } from './byte-source.js'

const NOTHING = Buffer.alloc(0)

export class ByteCursor {
  private piece: Buffer = NOTHING
  private at = 0
  private before = 0
  private finished = false
  private readonly iterator: AsyncIterator<Uint8Array>

  constructor(source: ByteSource) {
    this.iterator = source[Symbol.asyncIterator]()
  }

  /** Bytes taken or skipped so far. */
  get position(): number {
    return this.before + this.at
  }

  /** Bytes that are there without waiting. */
  get available(): number {
    return this.piece.length - this.at
  }

  /** Whether nothing comes behind what is available. */
  get ended(): boolean {
    return this.finished
  }

  /** `length` bytes, or what is available of them. Valid until `grow`. */
  take(length: number): Buffer {
    const end = Math.min(this.at + length, this.piece.length)
    return this.piece.subarray(this.at, (this.at = end))
  }

  /** Passes over at most `length` bytes that are available; returns how many. */
  skip(length: number): number {
    const skipped = Math.min(length, this.available)
    this.at += skipped
    return skipped
  }

  /** Goes back to a position that has been passed since the last `grow`. */
  rewind(position: number): void {
    this.at = position - this.before
  }

  /** Waits until more is available, or the source has ended; whether there is more. */
  async grow(): Promise<boolean> {
    while (!this.finished) {
      // The source may reuse the memory of the piece it gave.
      const rest = this.available === 0 ? NOTHING : Buffer.from(this.take(this.available))
      const step = await this.iterator.next()
      this.before += this.at - rest.length
      this.at = 0
      this.finished = step.done === true
      if (step.done === true) this.piece = rest
      else {
        const more = asBuffer(step.value)
        this.piece = rest.length === 0 ? more : Buffer.concat([rest, more])
        if (more.length > 0) return true
      }
    }
    return false
  }

  /** Passes over bytes, waiting for them; returns how many there were. */
  async pass(length: number): Promise<number> {
    let left = length - this.skip(length)
    if (left > 0 && canSkip(this.iterator)) {
      const skipped = this.iterator.skip(left)
      this.before += this.at + skipped
      this.piece = NOTHING
      this.at = 0
      left -= skipped
    }
    while (left > 0 && (await this.grow())) left -= this.skip(left)
    return length - left
  }

  /** Reads to the end: what computes a digest of the source then has seen all of it. */
  async drain(): Promise<void> {
    do this.skip(this.available)
    while (await this.grow())
  }

  /** Tells the source that no more will be asked for. */
  async close(): Promise<void> {
    if (this.finished) return
    this.finished = true
    await this.iterator.return?.()
  }
}

function canSkip(iterator: AsyncIterator<Uint8Array>): iterator is SkippingIterator {
  return 'skip' in iterator
}
