// `plyfs tag IMAGE NAME`: one more name for an image.
import { parseReference } from '../../image/model/reference.js'
import { openStore, type StoreFlags } from './store-session.js'

/** 0. Throws an ImageError. */
export async function tag(
  image: string,
  name: string,
  flags: StoreFlags,
): Promise<number> {
  const reference = parseReference(name)
  const store = await openStore(flags)
  await store.tag(store.resolve(image), reference)
  return 0
}
