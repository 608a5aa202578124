// `export`: a whole root filesystem as one flat tar, of an image alone or as a writable layer has
// changed it. The same layers give the same bytes.
import type { ByteSource } from '../bytes/byte-source.js'
import { compress } from '../compress/compress.js'
import { type LayerFormat, layerFormat } from '../layer/format.js'
import { rootToTar } from './diff/upper-to-tar.js'
import type { Progress } from './progress.js'
import type { Compression } from './save.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'

/** A writable layer: what it has above its image, or the whole tree that it is. */
export type WrittenRoot =
  | { readonly upper: string; readonly work: string; readonly format: LayerFormat }
  | { readonly tree: string; readonly format: LayerFormat }

/**
 * The archive's bytes. Call it inside `whileAdding`, and read them there.
 * @param written the writable layer, which nobody changes meanwhile; null for the image alone.
 * @throws ImageError, FsError
 */
export async function exportedRoot(
  store: Store,
  image: ImageRecord,
  written: WrittenRoot | null,
  compression: Compression,
  progress: Progress,
): Promise<ByteSource> {
  const format = written?.format ?? storeLayerFormat(store)
  if (written !== null && 'tree' in written) {
    const parents = [written.tree]
    return compress(compression, rootToTar({ upper: null, index: null, parents, format }))
  }
  const parents = await store.unpacked(image, progress)
  const upper = written?.upper ?? null
  const index = written === null ? null : `${written.work}/index`
  return compress(compression, rootToTar({ upper, index, parents, format }))
}

/** How the store's layers, writable ones too, are written on disk. */
export function storeLayerFormat(store: Pick<Store, 'format'>): LayerFormat {
  return layerFormat(store.format, true, false)
}
