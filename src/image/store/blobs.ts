// Content-addressed files: blobs/sha256/HEX. A blob is hashed while it comes, is published by a
// rename when its digest and size are right, and is never changed after.
import * as fs from 'node:fs'
import { open } from 'node:fs/promises'
import type { ByteSource } from '../../bytes/byte-source.js'
import { type Digest, digestOf, isDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { fileSource } from './file-source.js'
import { HashingFile } from './hashing-file.js'
import type { ExpectedBlob, PartialBlob, StagedBlob, StoredBlob } from './image-record.js'
import { openPartialBlob } from './partial-blob.js'
import { isMissing, replaceFile } from './replace-file.js'
import { freshPath, openScratch } from './scratch.js'
import { nodePath, type StorePlace } from './store-place.js'

export class Blobs {
  private readonly place: StorePlace

  constructor(place: StorePlace) {
    this.place = place
  }

  /**
   * Whether it is there.
   * @param size when known: a blob of another size (the machine stopped before its data was on the
   * disk) counts as absent, and is replaced when it comes anew.
   */
  has(digest: Digest, size?: number): boolean {
    const found = this.size(digest)
    return found !== null && (size === undefined || found === size)
  }

  /** Bytes; null when it is absent. */
  size(digest: Digest): number | null {
    try {
      return fs.statSync(nodePath(this.path(digest))).size
    } catch (error) {
      if (isMissing(error)) return null
      throw error
    }
  }

  /** Its file, a latin1 string of bytes. */
  path(digest: Digest): string {
    return this.place.blob(digest)
  }

  /** Its bytes, streamed. @throws ImageError `not-found`, at once. */
  open(digest: Digest): ByteSource {
    if (!this.has(digest)) throw absent(digest)
    return fileSource(this.path(digest))
  }

  /**
   * A small blob (manifest, config) in memory, checked against its digest.
   * @throws ImageError `not-found`, `mismatch`, or `limit` for more than `limit` bytes.
   */
  read(digest: Digest, limit = 8 * 1024 * 1024): Buffer {
    const size = this.size(digest)
    if (size === null) throw absent(digest)
    if (size > limit) throw new ImageError('limit', `${digest} has ${size} bytes`)
    const bytes = fs.readFileSync(nodePath(this.path(digest)))
    const found = digestOf(bytes)
    if (found !== digest)
      throw new ImageError(
        'mismatch',
        `blob ${digest} is damaged: its bytes are ${found}`,
      )
    return bytes
  }

  /** Stores a document: small, and on the disk before a record names it. */
  add(bytes: Uint8Array): StoredBlob {
    const digest = digestOf(bytes)
    if (!this.has(digest, bytes.length)) replaceFile(this.path(digest), bytes)
    return { digest, size: bytes.length }
  }

  /** Stores content that is in memory; like `write`, it does not wait for the disk. */
  keep(bytes: Uint8Array): StoredBlob {
    const digest = digestOf(bytes)
    if (this.has(digest, bytes.length)) return { digest, size: bytes.length }
    const path = freshPath(this.place.incoming, 'write')
    try {
      fs.writeFileSync(nodePath(path), bytes, { flag: 'wx', mode: 0o644 })
      return this.publish(path, { digest, size: bytes.length })
    } catch (error) {
      fs.rmSync(nodePath(path), { force: true })
      throw error
    }
  }

  /**
   * Stores what a source gives. @throws ImageError `mismatch` or `limit`, or what the source
   * throws; nothing stays then.
   */
  async write(source: ByteSource, expected: ExpectedBlob = {}): Promise<StoredBlob> {
    const staged = await this.stage(source, expected)
    try {
      return staged.publish()
    } finally {
      staged.discard()
    }
  }

  /**
   * As `write`, but for content of which it is not known yet whether it is part of an image: it is
   * beside the blobs until it is published, and gone when it is discarded.
   */
  async stage(source: ByteSource, expected: ExpectedBlob = {}): Promise<StagedBlob> {
    const scratch = openScratch(this.place.incoming, 'write')
    try {
      const handle = await open(nodePath(scratch.path), 'r+')
      try {
        const file = new HashingFile(handle)
        const most = expected.size ?? expected.limit ?? Infinity
        await file.append(source, size => {
          if (size > most) throw tooLong(expected, most)
        })
        checkBlob(file, expected)
        const { digest, size } = file
        return {
          digest,
          size,
          path: scratch.path,
          publish: () => this.publish(scratch.path, { digest, size }),
          discard: () => scratch.remove(),
        }
      } finally {
        await handle.close()
      }
    } catch (error) {
      scratch.remove()
      throw error
    }
  }

  /** The bytes of a staged blob that is not published yet, streamed. */
  openStaged({ path }: StagedBlob): ByteSource {
    return fileSource(path)
  }

  /**
   * The part of a blob that came before, to go on from; null when the blob is there, perhaps
   * because another process brought it while this one waited for it.
   * @throws FsError.
   */
  async partial(digest: Digest, size?: number): Promise<PartialBlob | null> {
    const expected = { digest, ...(size === undefined ? {} : { size }) }
    if (this.has(digest, size)) return null
    const path = this.place.partialBlob(digest)
    for (;;) {
      const partial = await openPartialBlob(path, expected, file => {
        checkBlob(file, expected)
        return this.publish(path, file)
      })
      if (this.has(digest, size)) {
        await partial.close()
        return null
      }
      // The file that was waited for may have been published, or removed, in between.
      if (partial.isAt(path)) return partial
      await partial.close()
    }
  }

  /** Removes it. */
  remove(digest: Digest): void {
    fs.rmSync(nodePath(this.path(digest)), { force: true })
  }

  /** All that are there. */
  list(): Digest[] {
    return fs
      .readdirSync(nodePath(this.place.blobs), 'latin1')
      .map(name => `sha256:${name}`)
      .filter(isDigest)
  }

  /** Renames a whole and checked file into place. */
  private publish(path: string, { digest, size }: StoredBlob): StoredBlob {
    fs.renameSync(nodePath(path), nodePath(this.place.blob(digest)))
    return { digest, size }
  }
}

function checkBlob({ digest, size }: StoredBlob, expected: ExpectedBlob): void {
  if (expected.size !== undefined && size !== expected.size)
    throw new ImageError(
      'mismatch',
      `${nameOf(expected)} has ${size} bytes instead of ${expected.size}`,
    )
  if (expected.digest !== undefined && digest !== expected.digest)
    throw new ImageError('mismatch', `${expected.digest} has the contents of ${digest}`)
}

function absent(digest: Digest): ImageError {
  return new ImageError('not-found', `the store has no blob ${digest}`)
}

function nameOf({ digest }: ExpectedBlob): string {
  return digest ?? 'the blob'
}

function tooLong(expected: ExpectedBlob, most: number): ImageError {
  return new ImageError(
    expected.size === undefined ? 'limit' : 'mismatch',
    `${nameOf(expected)} has more than ${most} bytes`,
  )
}
