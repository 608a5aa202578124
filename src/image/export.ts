// `export`: a whole root filesystem as one flat tar, of an image alone or as a writable layer has
// changed it. The same layers give the same bytes.
import type { ByteSource } from '../bytes/byte-source.js'
import { compress } from '../compress/compress.js'
import { type LayerFormat, layerFormat } from '../layer/format.js'
import { rootToTar } from './diff/upper-to-tar.js'
import { mergedToTar, type WrittenLayer } from './diff/written-layer.js'
import type { Progress } from './progress.js'
import type { Compression } from './save.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'

/**
 * The archive's bytes. Call it inside `whileAdding`, and read them there.
 * @param written the writable layer, which nobody changes meanwhile; null for the image alone.
 * @throws ImageError, FsError
 */
export async function exportedRoot(
  store: Store,
  image: ImageRecord,
  written: WrittenLayer | null,
  compression: Compression,
  progress: Progress,
): Promise<ByteSource> {
  if (written !== null) return compress(compression, mergedToTar(written))
  const parents = await store.unpacked(image, progress)
  const format = storeLayerFormat(store)
  return compress(compression, rootToTar({ upper: null, index: null, parents, format }))
}

/** How the store's layers, writable ones too, are written on disk. */
export function storeLayerFormat(store: Pick<Store, 'format'>): LayerFormat {
  return layerFormat(store.format, true, false)
}
