// Writable layers and the images they lie on, by the layer's name or by a mount's upper directory.
import { type LayerFormat, layerFormat } from '../layer/format.js'
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import type { ImageRecord } from './store/image-record.js'
import { Store } from './store/store.js'
import { thingAt } from './store/store-place.js'
import type { WritableKind } from './store/writable.js'

/** A writable layer together with what it lies on. */
export interface Written {
  readonly store: Store
  readonly image: ImageRecord
  /** Of its folder. */
  readonly name: string
  readonly kind: WritableKind
  /** Its upper directory, where its kind has one: a latin1 string of bytes. */
  readonly upper: string
  /** Its work directory. */
  readonly work: string
  /** How the upper directory spells what it hides. */
  readonly format: LayerFormat
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
  const thing = thingAt(upper)
  if (thing?.kind !== 'writable' || thing.isBelow) return null
  return writtenIn(thing.root, thing.name)
}

/** The writable layer of a store, by its folder's name. @throws ImageError */
export async function writtenIn(root: string, name: string): Promise<Written> {
  return written(await Store.open({ root }), name)
}

function written(store: Store, name: string): Written {
  const found = store.writable.find(name)
  const image = found && imageOf(store, found.image)
  if (found === null || image === null)
    throw new ImageError('not-found', `the image of the writable layer ${name} is gone`)
  const { kind } = found
  const format = upperFormat(store, kind)
  const folder = `${store.place.writable}/${name}`
  const [upper, work] = [`${folder}/upper`, `${folder}/work`]
  return { store, image, name, kind, upper, work, format }
}

/** How an upper directory of a kind is written on disk. */
export function upperFormat(
  { format }: Pick<Store, 'format'>,
  kind: string,
): LayerFormat {
  return layerFormat(kind === 'aufs' ? kind : format, true, false)
}

function imageOf(store: Store, id: Digest): ImageRecord | null {
  return store.images.list().find(record => record.id === id) ?? null
}
