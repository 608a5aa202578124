// One request of the kernel, read in place: accessors over the bytes that the device delivered.
// Nothing is copied until somebody asks for a name or parks the request.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { fuse_in_header as H } from './abi/structs.js'

const BODY = H.size

/** The receiver of an operation's parameters and of its caller's identity. */
export class Request {
  readonly words: Uint32Array
  readonly bytes: Buffer
  /** Index of the loop's memory slot that holds the bytes, -1 for a parked copy. */
  readonly slot: number
  /** Offset in the body of what follows the last name read by `name`. */
  next = 0
  /** Set by the session once the kernel has asked to interrupt a parked request. */
  interrupted = false

  constructor(memory: ArrayBuffer, byteOffset: number, byteLength: number, slot: number) {
    this.words = new Uint32Array(memory, byteOffset, byteLength >>> 2)
    this.bytes = Buffer.from(memory, byteOffset, byteLength)
    this.slot = slot
  }

  get length(): number {
    return this.word(H.len)
  }
  get opcode(): number {
    return this.word(H.opcode)
  }
  get uniqueLow(): number {
    return this.word(H.unique)
  }
  get uniqueHigh(): number {
    return this.word(H.unique + 4)
  }
  get nodeid(): number {
    return this.word(H.nodeid) + this.word(H.nodeid + 4) * 0x1_0000_0000
  }
  get uid(): number {
    return this.word(H.uid)
  }
  get gid(): number {
    return this.word(H.gid)
  }
  get pid(): number {
    return this.word(H.pid)
  }

  /** The 32 bits at byte `at` of the body. */
  u32(at: number): number {
    return this.word(BODY + at)
  }

  /** The 64 bits at byte `at` of the body, exact below 2^53. */
  u64(at: number): number {
    return this.word(BODY + at) + this.word(BODY + at + 4) * 0x1_0000_0000
  }

  /** The signed 64 bits at byte `at` of the body (times before 1970). */
  s64(at: number): number {
    return this.word(BODY + at) + (this.word(BODY + at + 4) | 0) * 0x1_0000_0000
  }

  /** The NUL-terminated name at byte `at` of the body, a character a byte; sets `next`. */
  name(at: number): string {
    const start = BODY + at
    const end = this.bytes.indexOf(0, start)
    if (end < 0 || end >= this.length) throw new FsError(E.EIO, 'fuse name')
    this.next = end + 1 - BODY
    return this.bytes.latin1Slice(start, end)
  }

  /** `length` bytes from byte `at` of the body: a view that lives as long as the request. */
  data(at: number, length: number): Buffer {
    if (BODY + at + length > this.length) throw new FsError(E.EIO, 'fuse data')
    return this.bytes.subarray(BODY + at, BODY + at + length)
  }

  /** Where the body's byte `at` lies in the slot. */
  offset(at: number): number {
    return BODY + at
  }

  /** A copy that outlives the slot. */
  park(): Request {
    const length = this.length
    const memory = new ArrayBuffer((length + 7) & ~7)
    new Uint8Array(memory).set(this.bytes.subarray(0, length))
    return new Request(memory, 0, memory.byteLength, -1)
  }

  private word(at: number): number {
    return this.words[at >>> 2] ?? 0
  }
}
