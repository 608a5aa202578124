// `plyfs cat IMAGE PATH...`: files of an image on standard output, byte for byte.
import { ImageTree } from '../../image/image-tree.js'
import { showProgress } from '../progress.js'
import { toStandardOutput } from '../write-stream.js'
import { openStore, type StoreFlags } from './store-session.js'

/** 0. Links are followed inside of the image. Throws an ImageError at the first that is no file. */
export async function catFile(
  image: string,
  paths: readonly string[],
  flags: StoreFlags,
): Promise<number> {
  const store = await openStore(flags)
  const record = store.resolve(image)
  await store.unpacked(record, showProgress(true))
  const tree = new ImageTree(store, record)
  try {
    for (const path of paths) await toStandardOutput(tree.contents(tree.find(path, true)))
  } finally {
    tree.close()
  }
  return 0
}
