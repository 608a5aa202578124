// A file being written whose SHA-256 is known when it is whole. Hashing one piece and writing the
// piece before go on at the same time: one on this thread, one on Node's.
import { createHash, type Hash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import type { ByteSource } from '../../bytes/byte-source.js'
import { type Digest, digestOfHex } from '../model/digest.js'

/** Small pieces are joined to this many bytes before they are written. */
const PIECE = 1024 * 1024

export class HashingFile {
  private readonly file: FileHandle
  private hash: Hash = createHash('sha256')
  private written = 0

  /** @param file open for reading and writing; closing it is the caller's. */
  constructor(file: FileHandle) {
    this.file = file
  }

  /** Bytes in the file. */
  get size(): number {
    return this.written
  }

  get digest(): Digest {
    return digestOfHex(this.hash.copy().digest('hex'))
  }

  /** Takes over what the file has already. */
  async readBack(): Promise<void> {
    this.hash = createHash('sha256')
    this.written = 0
    const buffer = Buffer.allocUnsafe(PIECE)
    for (;;) {
      const { bytesRead } = await this.file.read(buffer, 0, PIECE, this.written)
      if (bytesRead === 0) return
      this.hash.update(buffer.subarray(0, bytesRead))
      this.written += bytesRead
    }
  }

  /** Empties it. */
  async restart(): Promise<void> {
    await this.file.truncate(0)
    this.hash = createHash('sha256')
    this.written = 0
  }

  /**
   * Adds all of a source. What had come when the source fails is in the file.
   * @param check is told the size there will be before each piece is taken, and may throw.
   */
  async append(source: ByteSource, check: (size: number) => void): Promise<void> {
    // Pieces are valid until the next is asked for, so they are copied: into one buffer while the
    // other is written.
    let filling = Buffer.allocUnsafeSlow(PIECE)
    let spare = Buffer.allocUnsafeSlow(PIECE)
    let held = 0
    let pending: Promise<void> = Promise.resolve()
    const flush = async (): Promise<void> => {
      const piece = filling.subarray(0, held)
      this.hash.update(piece)
      await pending
      pending = this.write(piece, this.written)
      // A failure is thrown where it is awaited; until then it is not unhandled.
      pending.catch(() => undefined)
      this.written += held
      held = 0
      ;[filling, spare] = [spare, filling]
    }
    try {
      for await (const chunk of source) {
        check(this.written + held + chunk.length)
        for (let at = 0; at < chunk.length;) {
          const part = chunk.subarray(at, at + PIECE - held)
          filling.set(part, held)
          held += part.length
          at += part.length
          if (held === PIECE) await flush()
        }
      }
    } finally {
      if (held > 0) await flush()
      await pending
    }
  }

  private async write(piece: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < piece.length;) {
      const left = piece.length - done
      const { bytesWritten } = await this.file.write(piece, done, left, at + done)
      done += bytesWritten
    }
  }
}
