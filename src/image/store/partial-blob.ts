// A blob on its way, in incoming/blob-HEX. Its file is locked by the process that brings it, and
// stays when that one fails, so that the next goes on where it ended.
import { constants } from 'node:fs'
import * as fs from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { ByteSource } from '../../bytes/byte-source.js'
import { ImageError } from '../model/errors.js'
import { HashingFile } from './hashing-file.js'
import type { ExpectedBlob, PartialBlob, StoredBlob } from './image-record.js'
import { isMissing } from './replace-file.js'
import { lockDescriptor } from './store-lock.js'
import { nodePath } from './store-place.js'

/** What the store itself may ask of it beside. */
export interface OpenPartialBlob extends PartialBlob {
  /** Whether the file is still the one of that name. */
  isAt(path: string): boolean
}

/**
 * Opens and locks it, and hashes what is there. Waits while another process has it.
 * @param publish takes the whole file; what it throws leaves nothing.
 */
export async function openPartialBlob(
  path: string,
  expected: ExpectedBlob,
  publish: (file: HashingFile) => StoredBlob,
): Promise<OpenPartialBlob> {
  const handle = await open(nodePath(path), constants.O_RDWR | constants.O_CREAT, 0o644)
  try {
    await lockDescriptor(handle.fd, 'exclusive')
    const file = new HashingFile(handle)
    await file.readBack()
    const most = expected.size ?? Infinity
    if (file.size > most) await file.restart()
    return new LockedPartial(handle, file, most, () => {
      try {
        return publish(file)
      } catch (error) {
        fs.rmSync(nodePath(path), { force: true })
        throw error
      }
    })
  } catch (error) {
    await handle.close()
    throw error
  }
}

class LockedPartial implements OpenPartialBlob {
  private readonly handle: FileHandle
  private readonly file: HashingFile
  private readonly most: number
  private readonly publish: () => StoredBlob
  private closed = false

  constructor(
    handle: FileHandle,
    file: HashingFile,
    most: number,
    publish: () => StoredBlob,
  ) {
    this.handle = handle
    this.file = file
    this.most = most
    this.publish = publish
  }

  get size(): number {
    return this.file.size
  }

  async append(source: ByteSource): Promise<void> {
    await this.file.append(source, size => {
      if (size > this.most)
        throw new ImageError('mismatch', `the blob has more than ${this.most} bytes`)
    })
  }

  restart(): Promise<void> {
    return this.file.restart()
  }

  async finish(): Promise<StoredBlob> {
    try {
      return this.publish()
    } finally {
      await this.close()
    }
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    await this.handle.close()
  }

  isAt(path: string): boolean {
    try {
      const [named, held] = [fs.statSync(nodePath(path)), fs.fstatSync(this.handle.fd)]
      return named.ino === held.ino && named.dev === held.dev
    } catch (error) {
      if (isMissing(error)) return false
      throw error
    }
  }
}
