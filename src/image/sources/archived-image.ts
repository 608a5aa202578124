// An image that a source offers. Types alone.
import type { NewImage } from '../store/image-record.js'
import type { Reference } from '../model/reference.js'

export interface ArchivedImage {
  readonly image: NewImage
  readonly names: readonly Reference[]
  /** Makes its layers' blobs part of the store. @throws ImageError. */
  readonly bring: () => Promise<void>
}
