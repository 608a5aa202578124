// Parts of the store's blobs, as an upload sends them: a chunk at a time, each from an open file.
import { open } from 'node:fs/promises'
import type { ByteSource } from '../../bytes/byte-source.js'
import type { Blobs } from '../store/blobs.js'
import { handleSource } from '../store/file-source.js'
import { nodePath } from '../store/store-place.js'
import type { BlobSource } from './upload.js'

/** The blobs of a store, to be sent. */
export function slicesOf(blobs: Pick<Blobs, 'path'>): BlobSource {
  return {
    async *read(digest, offset, length): ByteSource {
      const file = await open(nodePath(blobs.path(digest)), 'r')
      try {
        yield* handleSource(file, offset, length)
      } finally {
        await file.close()
      }
    },
  }
}
