// The writable layer of a mount, for those who read it, whatever its driver has made of it.
import type { WrittenLayer } from '../../image/diff/written-layer.js'
import { silent } from '../../image/progress.js'
import type { Written } from '../../image/written.js'
import { isWholeTree, withTree } from './with-tree.js'

/**
 * Hands the layer to a reader, which is done when it returns, or what it returns is fulfilled.
 * @throws what the reader throws, MountError, ImageError.
 */
export async function withWritten<Result>(
  { store, image, name, kind, upper, work, format }: Written,
  read: (layer: WrittenLayer) => Result | Promise<Result>,
): Promise<Result> {
  const folder = `${store.place.writable}/${name}`
  if (isWholeTree(kind))
    return withTree(folder, kind, tree =>
      read({ tree, inventory: `${folder}/inventory` }),
    )
  const parents = await store.unpacked(image, silent)
  return read({ upper, index: `${work}/index`, parents, format })
}
