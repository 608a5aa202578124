// The files of an OCI layout, in a folder or among the members of a tar.
import * as fs from 'node:fs'
import type { Descriptor } from '../model/descriptor.js'
import { ImageError } from '../model/errors.js'
import { MAX_DOCUMENT } from '../model/json-shape.js'
import { shortDigest } from '../model/digest.js'
import type { Progress } from '../progress.js'
import type { ArrivingBlob } from '../store/image-record.js'
import type { Blobs } from '../store/blobs.js'
import { fileSource } from '../store/file-source.js'
import { isMissing } from '../store/replace-file.js'
import { nodePath } from '../store/store-place.js'
import type { ArchiveMembers } from './archive-members.js'
import { blobName, type LayoutFiles } from './oci-layout.js'

/** @param folder a latin1 string of bytes. */
export function folderFiles(
  folder: string,
  blobs: Blobs,
  progress: Progress,
): LayoutFiles {
  const at = (name: string): Buffer => nodePath(`${folder}/${name}`)
  return {
    has: name => fs.existsSync(at(name)),
    document: name => {
      try {
        if (fs.statSync(at(name)).size > MAX_DOCUMENT)
          throw new ImageError('limit', `${name} is too large`, { entry: name })
        return fs.readFileSync(at(name))
      } catch (error) {
        if (!isMissing(error)) throw error
        throw new ImageError('malformed', `the layout has no ${name}`, { entry: name })
      }
    },
    bring: async blob => {
      if (blobs.has(blob.digest, blob.size)) return null
      const name = blobName(blob.digest)
      if (!fs.existsSync(at(name))) throw missing(blob)
      const task = progress.task(`copy ${shortDigest(blob.digest)}`, blob.size)
      await blobs.write(watched(fileSource(`${folder}/${name}`), task.advance), blob)
      task.done('copied')
      return null
    },
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
      return Promise.resolve(arriving)
    },
  }
}

async function* watched(
  source: AsyncIterable<Uint8Array>,
  advance: (bytes: number) => void,
): AsyncIterable<Uint8Array> {
  for await (const piece of source) {
    advance(piece.length)
    yield piece
  }
}

function missing({ digest }: Descriptor): ImageError {
  return new ImageError('malformed', `the archive has no layer ${digest}`, {
    layer: digest,
  })
}
