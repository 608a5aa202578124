// The names of one directory as the disk has them, side by side in one buffer: no string and no
// object for each. Holds one directory at a time.
import { FsError } from '../../errno/fs-error.js'
import { getdents64 } from '../../sys/dir.js'

/** struct linux_dirent64: d_reclen at 16, d_name at 19. */
const RECLEN = 16
const NAME = 19
const DOT = 0x2e

const memory = new ArrayBuffer(64 * 1024)
const dirents = new Uint8Array(memory)
const halves = new Uint16Array(memory)

export class DirectoryNames {
  /** Each name with its NUL. */
  bytes = Buffer.alloc(dirents.length)
  /** Bytes that are used. */
  length = 0
  count = 0
  /** Where each name begins. */
  offsets = new Uint32Array(1 << 12)

  /** Reads all of a directory that has just been opened. Throws FsError. */
  read(fd: number): void {
    this.length = this.count = 0
    for (;;) {
      const bytes = getdents64(fd, dirents, 0)
      if (bytes < 0) throw new FsError(bytes, 'getdents64')
      if (bytes === 0) return
      this.reserve(bytes)
      this.take(bytes)
    }
  }

  /** The i-th name as a latin1 string. */
  name(i: number): string {
    const start = this.offsets[i] ?? 0
    const end = i + 1 < this.count ? (this.offsets[i + 1] ?? 0) : this.length
    return this.bytes.latin1Slice(start, end - 1)
  }

  private take(length: number): void {
    const { bytes, offsets } = this
    let to = this.length
    let { count } = this
    for (let at = 0; at < length; at += halves[(at + RECLEN) >>> 1] ?? length) {
      const start = to
      let from = at + NAME
      for (let byte = dirents[from] ?? 0; byte !== 0; byte = dirents[++from] ?? 0)
        bytes[to++] = byte
      if (isDots(bytes, start, to)) to = start
      else {
        bytes[to++] = 0
        offsets[count++] = start
      }
    }
    this.length = to
    this.count = count
  }

  /** Room for the names in so many bytes of records, of which each has 24 at least. */
  private reserve(bytes: number): void {
    if (this.length + bytes > this.bytes.length)
      this.bytes = Buffer.concat([this.bytes, Buffer.alloc(this.bytes.length)])
    if (this.count + bytes / 24 <= this.offsets.length) return
    const grown = new Uint32Array(this.offsets.length * 2)
    grown.set(this.offsets)
    this.offsets = grown
  }
}

/** `.` and `..`. */
function isDots(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] !== DOT || end - start > 2) return false
  return end - start === 1 || bytes[start + 1] === DOT
}
