// Puts an inventory together in memory, block by block (see layout.ts).
import {
  BY_BLOCKS,
  DIGEST_BYTES,
  ENTRY_WORDS,
  HEADER_WORDS,
  MAGIC,
  sealOf,
  VERSION,
  writeEntry,
} from './layout.js'

export class InventoryWriter {
  private words = new Uint32Array(1 << 14)
  private bytes = Buffer.from(this.words.buffer)
  private used = HEADER_WORDS
  private digests = Buffer.alloc(DIGEST_BYTES << 8)
  private digestCount = 0

  /** Begins a directory: `count` names in `length` bytes, each with its NUL. */
  block(count: number, names: Uint8Array, length: number): void {
    const filled = (length + 3) >>> 2
    this.reserve(2 + filled + count * ENTRY_WORDS)
    this.words[this.used] = count
    this.words[this.used + 1] = length
    this.used += 2
    this.bytes.set(names.subarray(0, length), this.used * 4)
    this.used += filled
  }

  /** The entry of the root, or of the next name of the block. @param digest from `digest`, or 0. */
  entry(records: Uint32Array, at: number, digest: number): void {
    this.reserve(ENTRY_WORDS)
    writeEntry(this.words, this.used, records, at, digest)
    this.used += ENTRY_WORDS
  }

  /** Keeps a digest; what an entry has of it. */
  digest(value: Uint8Array, byBlocks: boolean): number {
    const at = this.digestCount * DIGEST_BYTES
    if (at === this.digests.length)
      this.digests = Buffer.concat([this.digests, Buffer.alloc(this.digests.length)])
    this.digests.set(value, at)
    this.digestCount += 1
    return byBlocks ? (this.digestCount | BY_BLOCKS) >>> 0 : this.digestCount
  }

  /** The file's bytes. Nothing can be added after. */
  finish(): Buffer {
    this.words[0] = MAGIC
    this.words[1] = VERSION
    this.words[2] = this.used - HEADER_WORDS
    this.words[3] = this.digestCount
    const body = this.bytes.subarray(0, this.used * 4)
    const digests = this.digests.subarray(0, this.digestCount * DIGEST_BYTES)
    return Buffer.concat([body, sealOf(body), digests, sealOf(digests)])
  }

  private reserve(more: number): void {
    let { length } = this.words
    if (this.used + more <= length) return
    while (length < this.used + more) length *= 2
    const grown = new Uint32Array(length)
    grown.set(this.words.subarray(0, this.used))
    this.words = grown
    this.bytes = Buffer.from(grown.buffer)
  }
}
