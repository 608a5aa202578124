// Bytes that can be read anywhere: a file, a part of one, or what such a file is compressed from.
// Reading is synchronous, since those who read answer a kernel that waits.

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
