// An archive that lies in a file and is not compressed: its headers are read, and the contents of
// its members passed over until somebody wants them.
import * as fs from 'node:fs'
import type { ByteSource, SkippingIterator } from '../../bytes/byte-source.js'
import { DETECT_BYTES, detectCompression } from '../../compress/compression.js'
import { fileSource } from '../store/file-source.js'
import { nodePath } from '../store/store-place.js'

/** Room for a header and a small document behind it. */
const PIECE = 32 * 1024

export class ArchiveFile implements AsyncIterable<Uint8Array> {
  /** A latin1 string of bytes. */
  readonly path: string
  private readonly fd: number
  private readonly size: number

  private constructor(path: string, fd: number, size: number) {
    this.path = path
    this.fd = fd
    this.size = size
  }

  /** Null for what is no regular file, or is compressed. Throws Node's error. */
  static open(path: string): ArchiveFile | null {
    const fd = fs.openSync(nodePath(path), 'r')
    const stat = fs.fstatSync(fd)
    const file = new ArchiveFile(path, fd, stat.size)
    if (stat.isFile() && detectCompression(file.read(0, DETECT_BYTES)) === 'none')
      return file
    file.close()
    return null
  }

  /** Bytes that are there, at most `length`. Throws Node's error. */
  read(offset: number, length: number): Buffer {
    const buffer = Buffer.allocUnsafe(Math.max(Math.min(length, this.size - offset), 0))
    let done = 0
    while (done < buffer.length) {
      const count = fs.readSync(
        this.fd,
        buffer,
        done,
        buffer.length - done,
        offset + done,
      )
      if (count === 0) break
      done += count
    }
    return buffer.subarray(0, done)
  }

  /** A part of it as a source. */
  part(offset: number, length: number): ByteSource {
    return fileSource(this.path, offset, length)
  }

  /** All of it, for a reader that passes over what it does not want. */
  [Symbol.asyncIterator](): SkippingIterator {
    let at = 0
    return {
      next: () => {
        const value = this.read(at, PIECE)
        at += value.length
        return Promise.resolve(
          value.length === 0 ? { done: true, value: undefined } : { done: false, value },
        )
      },
      skip: bytes => {
        const skipped = Math.min(bytes, Math.max(this.size - at, 0))
        at += skipped
        return skipped
      },
    }
  }

  close(): void {
    fs.closeSync(this.fd)
  }
}
