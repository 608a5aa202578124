// An image that a source offers. Types alone.
import type { Digest } from '../model/digest.js'
import type { ArrivingBlob, NewImage } from '../store/image-record.js'
import type { Reference } from '../model/reference.js'

export interface ArchivedImage {
  readonly image: NewImage
  readonly names: readonly Reference[]
  /**
   * Makes its layers' blobs part of the store, or begins to: those that are on their way.
   * @throws ImageError
   */
  readonly bring: () => ReadonlyMap<Digest, ArrivingBlob>
}
