// The reply being built: a reused buffer that begins with fuse_out_header. An operation fills
// the body through the shapes below and returns 0; the session writes the header.
import { E } from '../errno/errno.js'
import {
  fuse_attr_out,
  fuse_entry_out,
  fuse_open_out,
  fuse_out_header,
} from './abi/structs.js'

const HEAD = fuse_out_header.size
const ATTR_WORDS = 22
const NANO = 1e9

/** How long the kernel may keep an answer: whole seconds and nanoseconds. */
export interface Validity {
  readonly seconds: number
  readonly nanoseconds: number
}

/** Validity of `seconds` (fractions allowed, Infinity means what the kernel can count). */
export function validity(seconds: number): Validity {
  if (seconds >= NANO) return { seconds: NANO, nanoseconds: 0 }
  const whole = Math.floor(seconds)
  return { seconds: whole, nanoseconds: Math.round((seconds - whole) * NANO) }
}

export const NEVER: Validity = { seconds: 0, nanoseconds: 0 }

export class Reply {
  readonly words: Uint32Array
  readonly bytes: Buffer
  /** Bytes of the whole reply, header included. */
  length: number = HEAD

  constructor(memory: ArrayBuffer) {
    this.words = new Uint32Array(memory)
    this.bytes = Buffer.from(memory)
  }

  /** Bytes that a body can have. */
  get capacity(): number {
    return this.bytes.length - HEAD
  }

  begin(): void {
    this.length = HEAD
  }

  /** The header over what was filled in; returns the bytes to write. `error` is 0 or -errno. */
  finish(uniqueLow: number, uniqueHigh: number, error: number): number {
    if (error !== 0) this.length = HEAD
    const w = this.words
    w[0] = this.length
    w[1] = error
    w[2] = uniqueLow
    w[3] = uniqueHigh
    return this.length
  }

  /** The header of an unsolicited message: unique 0, the code where an error would be. */
  finishNotify(code: number): number {
    const w = this.words
    w[0] = this.length
    w[1] = code
    w[2] = 0
    w[3] = 0
    return this.length
  }

  /** fuse_entry_out of a name that exists. */
  entry(
    nodeid: number,
    generation: number,
    entry: Validity,
    attr: Validity,
    a: Uint32Array,
  ): void {
    this.entryAt(HEAD, nodeid, generation, entry, attr, a)
    this.length = HEAD + fuse_entry_out.size
  }

  /** fuse_entry_out of a name that does not exist, remembered by the kernel for `entry`. */
  negativeEntry(entry: Validity): void {
    this.words.fill(0, HEAD >>> 2, (HEAD + fuse_entry_out.size) >>> 2)
    this.words[(HEAD + fuse_entry_out.entry_valid) >>> 2] = entry.seconds
    this.words[(HEAD + fuse_entry_out.entry_valid_nsec) >>> 2] = entry.nanoseconds
    this.length = HEAD + fuse_entry_out.size
  }

  /** Writes a fuse_entry_out at byte `at` of the reply; the attributes are those at `from`. */
  entryAt(
    at: number,
    nodeid: number,
    generation: number,
    entry: Validity,
    attr: Validity,
    a: Uint32Array,
    from = 0,
  ): void {
    const w = this.words
    let i = at >>> 2
    w[i++] = nodeid
    w[i++] = nodeid / 0x1_0000_0000
    w[i++] = generation
    w[i++] = 0
    w[i++] = entry.seconds
    w[i++] = 0
    w[i++] = attr.seconds
    w[i++] = 0
    w[i++] = entry.nanoseconds
    w[i++] = attr.nanoseconds
    for (let k = 0; k < ATTR_WORDS; k++) w[i++] = a[from + k] ?? 0
  }

  /** fuse_attr_out. */
  attr(valid: Validity, a: Uint32Array): void {
    const w = this.words
    let i = HEAD >>> 2
    w[i++] = valid.seconds
    w[i++] = 0
    w[i++] = valid.nanoseconds
    w[i++] = 0
    for (let k = 0; k < ATTR_WORDS; k++) w[i++] = a[k] ?? 0
    this.length = HEAD + fuse_attr_out.size
  }

  /** fuse_open_out after what is already there (alone for OPEN, after the entry for CREATE). */
  open(fh: number, flags: number, backingId: number): void {
    const w = this.words
    let i = this.length >>> 2
    w[i++] = fh
    w[i++] = 0
    w[i++] = flags
    w[i] = backingId
    this.length += fuse_open_out.size
  }

  /** Appends raw bytes. Returns 0, or -ERANGE where they do not fit. */
  append(data: Uint8Array): number {
    if (this.length + data.length > this.bytes.length) return -E.ERANGE
    this.bytes.set(data, this.length)
    this.length += data.length
    return 0
  }

  /** Appends 32-bit words (low word first for 64-bit fields). */
  appendWords(...values: readonly number[]): void {
    let i = this.length >>> 2
    for (const value of values) this.words[i++] = value
    this.length += values.length * 4
  }
}
