// Bytes that can be read anywhere: a file, a part of one, or what such a file is compressed from.
// Reading is synchronous, since those who read answer a kernel that waits.

import type { ByteSource, SkippingIterator } from './byte-source.js'

export interface RandomSource {
  readonly size: number
  /**
   * Reads into `into` from `position` on. Returns the bytes read: fewer than there is room for
   * only at the end, 0 behind it. Throws what the bytes below throw.
   */
  readAt(position: number, into: Uint8Array): number
}

/** A part of a source, as one of its own. */
export class PartOfSource implements RandomSource {
  readonly size: number
  private readonly whole: RandomSource
  private readonly start: number

  constructor(whole: RandomSource, start: number, size: number) {
    this.whole = whole
    this.start = start
    this.size = size
  }

  readAt(position: number, into: Uint8Array): number {
    const most = Math.max(this.size - position, 0)
    const part = into.length > most ? into.subarray(0, most) : into
    return part.length === 0 ? 0 : this.whole.readAt(this.start + position, part)
  }
}

/** Bytes of the first piece, and behind a skip; those of further ones double up to the most. */
const FEWEST = 4096

/** A source from its beginning to its end; what is passed over is never read. */
export class InOrder implements ByteSource, SkippingIterator {
  private readonly source: RandomSource
  private readonly buffer: Buffer
  private at = 0
  private wanted = FEWEST

  /** @param most bytes of one piece. */
  constructor(source: RandomSource, most = 65_536) {
    this.source = source
    this.buffer = Buffer.allocUnsafeSlow(most)
  }

  skip(bytes: number): number {
    const passed = Math.min(bytes, Math.max(this.source.size - this.at, 0))
    this.at += passed
    this.wanted = FEWEST
    return passed
  }

  [Symbol.asyncIterator](): SkippingIterator {
    return this
  }

  next(): Promise<IteratorResult<Uint8Array>> {
    return Promise.resolve(this.piece())
  }

  private piece(): IteratorResult<Uint8Array> {
    const length = Math.min(this.wanted, this.buffer.length)
    const read = this.source.readAt(this.at, this.buffer.subarray(0, length))
    this.at += read
    this.wanted = length * 2
    if (read === 0) return { done: true, value: undefined }
    return { done: false, value: this.buffer.subarray(0, read) }
  }
}
