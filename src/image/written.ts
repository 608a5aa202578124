// Writable layers and the images they lie on, by the layer's name or by a mount's upper directory.
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import type { ImageRecord } from './store/image-record.js'
import { Store } from './store/store.js'

/** A writable layer together with what it lies on. */
export interface Written {
  readonly store: Store
  readonly image: ImageRecord
  /** Its upper directory, a latin1 string of bytes. */
  readonly upper: string
  /** Its work directory. */
  readonly work: string
}

/** The writable layer of a name; null where the store has none. @throws ImageError. */
export function findWritten(store: Store, name: string): Written | null {
  return store.writable.names().includes(name) ? written(store, name) : null
}

/**
 * The writable layer that a mount has as its upper directory; null for one of no store.
 * @throws ImageError
 */
export async function writtenOfUpper(upper: string): Promise<Written | null> {
  const [, root, name] = /^(.*)\/writable\/([^/]+)\/upper$/.exec(upper) ?? []
  if (root === undefined || name === undefined) return null
  return written(await Store.open({ root }), name)
}

function written(store: Store, name: string): Written {
  const id = store.writable.imageOf(name)
  const image = id === null ? null : imageOf(store, id)
  if (image === null)
    throw new ImageError('not-found', `the image of the writable layer ${name} is gone`)
  const folder = `${store.place.writable}/${name}`
  return { store, image, upper: `${folder}/upper`, work: `${folder}/work` }
}

function imageOf(store: Store, id: Digest): ImageRecord | null {
  return store.images.list().find(record => record.id === id) ?? null
}
