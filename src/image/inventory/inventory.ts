// Reads an inventory's file, once, from its beginning to its end (see layout.ts). A file that is cut
// off, damaged or of another version is none.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { AT_FDCWD, O_NOFOLLOW, O_RDONLY, SEEK_END } from '../../sys/constants.js'
import { close, lseek, openat2, pread } from '../../sys/file.js'
import {
  BY_BLOCKS,
  DIGEST_BYTES,
  ENTRY_WORDS,
  HEADER_WORDS,
  MAGIC,
  sealOf,
  VERSION,
} from './layout.js'

const HEADER_BYTES = HEADER_WORDS * 4

export class Inventory {
  readonly words: Uint32Array
  readonly bytes: Buffer
  /** The current block: its names, as numbers of bytes, and the word its first entry is at. */
  count = 0
  namesAt = 0
  namesLength = 0
  entriesAt = 0
  private next = HEADER_WORDS + ENTRY_WORDS
  private readonly digests: Buffer

  private constructor(bytes: Buffer, digests: Buffer) {
    this.words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2)
    this.bytes = bytes
    this.digests = digests
  }

  /**
   * @param path a latin1 string of bytes.
   * @param withDigests whether digests are going to be asked for.
   * @throws FsError
   */
  static read(path: string, withDigests: boolean): Inventory | 'absent' | 'damaged' {
    const fd = openat2(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0, 0)
    if (fd === -E.ENOENT) return 'absent'
    if (fd < 0) throw new FsError(fd, 'open', path)
    try {
      return readParts(fd, withDigests) ?? 'damaged'
    } finally {
      close(fd)
    }
  }

  static of(entries: Buffer, digests: Buffer): Inventory {
    return new Inventory(entries, digests)
  }

  /** The word that the root's entry is at. */
  get rootAt(): number {
    return HEADER_WORDS
  }

  /** Goes to the next block. */
  nextBlock(): void {
    this.count = this.words[this.next] ?? 0
    this.namesLength = this.words[this.next + 1] ?? 0
    this.namesAt = (this.next + 2) * 4
    this.entriesAt = this.next + 2 + ((this.namesLength + 3) >>> 2)
    this.next = this.entriesAt + this.count * ENTRY_WORDS
  }

  /** Names of the current block, without their NULs, as latin1 strings. */
  names(): string[] {
    const end = this.namesAt + Math.max(this.namesLength - 1, 0)
    return this.count === 0 ? [] : this.bytes.latin1Slice(this.namesAt, end).split('\0')
  }

  /** A digest, by what an entry has of it. */
  digest(word: number): { readonly value: Buffer; readonly byBlocks: boolean } {
    const at = ((word & ~BY_BLOCKS) - 1) * DIGEST_BYTES
    const value = this.digests.subarray(at, at + DIGEST_BYTES)
    return { value, byBlocks: (word & BY_BLOCKS) !== 0 }
  }
}

/**
 * The seal of an inventory's entries, as the file has it: what tells one inventory from another.
 * null where there is none. Throws FsError.
 */
export function inventorySeal(path: string): Buffer | null {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0, 0)
  if (fd === -E.ENOENT) return null
  if (fd < 0) throw new FsError(fd, 'open', path)
  try {
    const header = readAt(fd, 0, HEADER_BYTES)
    if (header === null) return null
    const [magic, version, words = 0] = new Uint32Array(header.buffer)
    if (magic !== MAGIC || version !== VERSION) return null
    return readAt(fd, HEADER_BYTES + words * 4, DIGEST_BYTES)
  } finally {
    close(fd)
  }
}

function readParts(fd: number, withDigests: boolean): Inventory | null {
  const header = readAt(fd, 0, HEADER_BYTES)
  if (header === null) return null
  const [magic, version, words = 0, count = 0] = new Uint32Array(header.buffer)
  if (magic !== MAGIC || version !== VERSION || words < ENTRY_WORDS) return null
  const end = HEADER_BYTES + words * 4
  const entries = readSealed(fd, 0, end)
  const digests = withDigests
    ? readSealed(fd, end + DIGEST_BYTES, count * DIGEST_BYTES)
    : Buffer.alloc(0)
  return entries === null || digests === null ? null : Inventory.of(entries, digests)
}

/** A part that is what its seal says; null for any other. */
function readSealed(fd: number, position: number, length: number): Buffer | null {
  const part = readAt(fd, position, length + DIGEST_BYTES)
  if (part === null) return null
  const sealed = part.subarray(0, length)
  return sealOf(sealed).equals(part.subarray(length)) ? sealed : null
}

/** Bytes in memory of their own, so that they are words as well; null where there are fewer. */
function readAt(fd: number, position: number, length: number): Buffer | null {
  const size = lseek(fd, 0, SEEK_END)
  if (size < position + length) return null
  const buffer = Buffer.allocUnsafeSlow(length)
  for (let done = 0; done < length;) {
    const count = pread(fd, buffer, done, length - done, position + done)
    if (count < 0) throw new FsError(count, 'read')
    if (count === 0) return null
    done += count
  }
  return buffer
}
