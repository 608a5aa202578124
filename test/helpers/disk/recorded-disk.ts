// What a disk with a volatile cache may hold after a power loss. It records every write and every
// flush; an image of it has all writes that a flush before the loss promised, and of the later
// ones any subset, page by page: a page is what such a disk writes wholly or not at all.

export const PAGE = 4096

/** One WRITE as it came. */
export interface Written {
  readonly position: number
  /** Where the record was when it was answered: a flush from there on promises it. */
  answered: number
}

interface Version {
  readonly of: Written
  readonly bytes: Buffer
}

/** Which image is meant. The same words make the same image. */
export interface Loss {
  /** So many entries of the record have happened. */
  readonly position: number
  readonly seed: number
  /** The share of the pages that no flush promised and that are kept all the same. */
  readonly kept: number
  /** Whether the pages of one write are lost together. */
  readonly whole: boolean
}

export class RecordedDisk {
  /** Entries of the record: writes and flushes. */
  length = 0
  private readonly base = new Map<number, Buffer>()
  private versions = new Map<number, Version[]>()
  private flushes: number[] = []
  /** What was written to the image that is shown. */
  private overwritten = new Map<number, Buffer>()
  private loss: Loss | null = null
  private promised = -1

  /** Writes whole pages; the bytes are kept, not copied. */
  write(offset: number, bytes: Buffer): Written {
    const written = { position: this.length, answered: Infinity }
    for (let at = 0; at < bytes.length; at += PAGE) {
      const page = (offset + at) / PAGE
      const part = bytes.subarray(at, at + PAGE)
      if (this.loss === null) this.add(page, { of: written, bytes: part })
      else this.overwritten.set(page, part)
    }
    if (this.loss === null) this.length++
    return written
  }

  /** The write has been answered: from now on a flush promises it. */
  answer(written: Written): void {
    written.answered = this.length
  }

  flush(): void {
    if (this.loss !== null) return
    this.flushes.push(this.length)
    this.length++
  }

  /** Fills `target` from byte `offset` on. */
  read(offset: number, target: Buffer): void {
    for (let at = 0; at < target.length; at += PAGE) {
      const page = this.page((offset + at) / PAGE)
      if (page === undefined) target.fill(0, at, at + PAGE)
      else target.set(page, at)
    }
  }

  /** What was written so far cannot be lost; the record begins anew. */
  settle(): void {
    for (const [page, versions] of this.versions) {
      const last = versions.at(-1)
      if (last !== undefined) this.base.set(page, last.bytes)
    }
    this.versions = new Map()
    this.flushes = []
    this.length = 0
  }

  /** Shows an image from now on. What is written to it goes with it, and is not recorded. */
  lose(loss: Loss): void {
    this.loss = loss
    this.overwritten = new Map()
    this.promised = this.flushes.findLast(position => position < loss.position) ?? -1
  }

  private add(page: number, version: Version): void {
    const versions = this.versions.get(page)
    if (versions === undefined) this.versions.set(page, [version])
    else versions.push(version)
  }

  private page(page: number): Buffer | undefined {
    const { loss } = this
    const versions = this.versions.get(page)
    const held =
      loss === null
        ? versions?.at(-1)
        : versions?.findLast(version => this.isKept(loss, page, version.of))
    return this.overwritten.get(page) ?? held?.bytes ?? this.base.get(page)
  }

  private isKept(loss: Loss, page: number, written: Written): boolean {
    if (written.position >= loss.position) return false
    if (written.answered <= this.promised) return true
    const which = loss.whole ? written.position : written.position + page * 65_537
    return chance(loss.seed, which) < loss.kept
  }
}

/** A number from 0 to 1 that the two decide (the finalizer of MurmurHash3). */
function chance(seed: number, which: number): number {
  let h = (Math.imul(seed, 0x9e37_79b1) ^ which) | 0
  h = Math.imul(h ^ (h >>> 16), 0x85eb_ca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2_ae35)
  return ((h ^ (h >>> 16)) >>> 0) / 0x1_0000_0000
}
