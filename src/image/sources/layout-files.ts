// The files of an OCI layout, in a folder or among the members of a tar.
import * as fs from 'node:fs'
import type { ByteSource } from '../../bytes/byte-source.js'
import type { Descriptor } from '../model/descriptor.js'
import { ImageError } from '../model/errors.js'
import { MAX_DOCUMENT } from '../model/json-shape.js'
import { type Digest, digestOf, shortDigest } from '../model/digest.js'
import type { Progress } from '../progress.js'
import type { ArrivingBlob } from '../store/image-record.js'
import type { Blobs } from '../store/blobs.js'
import { fileSource } from '../store/file-source.js'
import { isMissing } from '../store/replace-file.js'
import { nodePath } from '../store/store-place.js'
import type { ArchiveMembers } from './archive-members.js'
import { ArrivingBlobs } from './arriving-blobs.js'
import { blobName, type LayoutFiles } from './oci-layout.js'

/** Blobs up to this size are read at once. */
const SMALL = 64 * 1024

/** The files of a layout's folder, of which some may be on their way into the store. */
export class FolderFiles implements LayoutFiles {
  private readonly folder: string
  private readonly blobs: Blobs
  private readonly progress: Progress
  private readonly copies: ArrivingBlobs
  private readonly arriving = new Map<Digest, ArrivingBlob>()

  /** @param folder a latin1 string of bytes. */
  constructor(folder: string, blobs: Blobs, progress: Progress) {
    this.folder = folder
    this.blobs = blobs
    this.progress = progress
    this.copies = new ArrivingBlobs(blobs)
  }

  has(name: string): boolean {
    return fs.existsSync(this.at(name))
  }

  document(name: string): Uint8Array {
    try {
      if (fs.statSync(this.at(name)).size > MAX_DOCUMENT)
        throw new ImageError('limit', `${name} is too large`, { entry: name })
      return fs.readFileSync(this.at(name))
    } catch (error) {
      if (!isMissing(error)) throw error
      throw new ImageError('malformed', `the layout has no ${name}`, { entry: name })
    }
  }

  bring(blob: Descriptor): ArrivingBlob | null {
    const { digest, size } = blob
    const known = this.arriving.get(digest)
    if (known !== undefined || this.blobs.has(digest, size)) return known ?? null
    const name = blobName(digest)
    if (!this.has(name)) throw missing(blob)
    if (size <= SMALL) {
      this.keep(name, blob)
      return null
    }
    const path = `${this.folder}/${name}`
    const arriving = this.copies.copy(path, 0, blob, () => this.shown(path, blob))
    this.arriving.set(digest, arriving)
    return arriving
  }

  /** Waits for what is being copied; no more is. */
  abandon(): Promise<void> {
    return this.copies.abandon()
  }

  private keep(name: string, { digest, size }: Descriptor): void {
    const found = fs.statSync(this.at(name)).size
    const what = `layer ${digest}`
    if (found !== size)
      throw new ImageError('mismatch', `${what} has ${found} bytes instead of ${size}`)
    const bytes = fs.readFileSync(this.at(name))
    const contents = digestOf(bytes)
    if (contents !== digest)
      throw new ImageError('mismatch', `${what} has the contents of ${contents}`)
    this.blobs.keep(bytes)
  }

  private async *shown(path: string, { digest, size }: Descriptor): ByteSource {
    const task = this.progress.task(`copy ${shortDigest(digest)}`, size)
    for await (const piece of fileSource(path)) {
      task.advance(piece.length)
      yield piece
    }
    task.done('copied')
  }

  private at(name: string): Buffer {
    return nodePath(`${this.folder}/${name}`)
  }
}

export function memberFiles(members: ArchiveMembers, blobs: Blobs): LayoutFiles {
  return {
    has: name => members.has(name),
    document: name => members.document(name),
    bring: blob => {
      const name = blobName(blob.digest)
      let arriving: ArrivingBlob | null = null
      if (members.has(name)) {
        const { digest, size } = members.describe(name, blob.digest)
        if (digest !== blob.digest || size !== blob.size)
          throw new ImageError(
            'mismatch',
            `layer ${blob.digest} has the contents of ${digest} (${size} bytes)`,
            { layer: blob.digest, entry: name },
          )
        arriving = members.publish(name, digest)
      } else if (!blobs.has(blob.digest, blob.size)) throw missing(blob)
      return arriving
    },
  }
}

function missing({ digest }: Descriptor): ImageError {
  return new ImageError('malformed', `the archive has no layer ${digest}`, {
    layer: digest,
  })
}
