// Reads a byte source by count instead of by piece. What lies within one piece is handed out
// where it lies; only what spans two is copied.
import { asBuffer, type ByteSource } from './byte-source.js'

const NOTHING = Buffer.alloc(0)

export class ByteCursor {
  private piece: Buffer = NOTHING
  private at = 0
  private ended = false
  private before = 0
  private readonly iterator: AsyncIterator<Uint8Array>

  constructor(source: ByteSource) {
    this.iterator = source[Symbol.asyncIterator]()
  }

  /** Bytes taken or skipped so far. */
  get position(): number {
    return this.before + this.at
  }

  /** `length` bytes if they are there without waiting. Valid until the next call. */
  takeNow(length: number): Buffer | undefined {
    if (this.piece.length - this.at < length) return undefined
    return this.piece.subarray(this.at, (this.at += length))
  }

  /** `length` bytes; fewer only at the end of the source. Valid until the next call. */
  async take(length: number): Promise<Buffer> {
    const now = this.takeNow(length)
    if (now !== undefined) return now
    const parts: Buffer[] = []
    let missing = length
    while (missing > 0) {
      const part = await this.some(missing)
      if (part.length === 0) break
      parts.push(Buffer.from(part))
      missing -= part.length
    }
    return Buffer.concat(parts, length - missing)
  }

  /** At least one byte and at most `most`, which may not be 0; none only at the end. */
  async some(most: number): Promise<Buffer> {
    if (!(await this.fill())) return NOTHING
    return this.someNow(most)
  }

  /** What is there without waiting, at most `most` bytes: maybe none. */
  someNow(most: number): Buffer {
    const end = Math.min(this.at + most, this.piece.length)
    return this.piece.subarray(this.at, (this.at = end))
  }

  /** Passes over bytes; returns how many there were. */
  async skip(length: number): Promise<number> {
    let left = length
    while (left > 0 && (await this.fill())) left -= this.someNow(left).length
    return length - left
  }

  /** Reads to the end: what computes a digest of the source then has seen all of it. */
  async drain(): Promise<void> {
    while (await this.fill()) this.at = this.piece.length
  }

  /** Tells the source that no more will be asked for. */
  async close(): Promise<void> {
    if (this.ended) return
    this.ended = true
    await this.iterator.return?.()
  }

  private async fill(): Promise<boolean> {
    while (this.at === this.piece.length) {
      if (this.ended) return false
      const step = await this.iterator.next()
      this.before += this.piece.length
      this.at = 0
      this.piece = step.done === true ? NOTHING : asBuffer(step.value)
      this.ended = step.done === true
    }
    return true
  }
}
