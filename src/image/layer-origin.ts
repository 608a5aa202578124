// Where an unpacked layer of a store comes from: the digests it has, and the step that made it.
import { chainIds } from './model/chain.js'
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import type { HistoryEntry, ImageConfig } from './model/config.js'
import { hasCode } from './store/replace-file.js'
import { Store } from './store/store.js'
import { thingAt } from './store/store-place.js'

export interface LayerOrigin {
  /** Of the blob it came as. */
  readonly digest: string
  /** Of its tar. */
  readonly diffId: string
  readonly chainId: string
  /** The command that made it, as the image's history has it; null where it says nothing. */
  readonly createdBy: string | null
  /** RFC 3339. */
  readonly created: string | null
}

/**
 * The layer that a path of the host lies in; null where it is not in a store's layer, or the store
 * may not be read. @throws ImageError for a damaged store.
 */
export async function layerOrigin(path: string): Promise<LayerOrigin | null> {
  const thing = thingAt(path)
  if (thing?.kind !== 'layer') return null
  const { root, chainId } = thing
  try {
    const store = await Store.open({ root })
    const record = store.layers.record(chainId)
    if (record === null) return null
    const step = stepOf(store, chainId)
    return {
      digest: record.blob,
      diffId: record.diffId,
      chainId,
      createdBy: step?.createdBy ?? null,
      created: step?.created ?? null,
    }
  } catch (error) {
    // Any user may ask a mount; the store is root's.
    if (hasCode(error, 'EACCES')) return null
    if (error instanceof ImageError && error.code === 'not-found') return null
    throw error
  }
}

/** The step of any image that has the layer: with the same layers below it they are the same. */
function stepOf(store: Store, chainId: Digest): HistoryEntry | undefined {
  for (const image of store.images.list()) {
    const config = store.configOf(image)
    const layer = chainIds(config.diffIds).indexOf(chainId)
    if (layer >= 0) return stepsWithLayers(config)[layer]
  }
  return undefined
}

function stepsWithLayers({ history }: ImageConfig): HistoryEntry[] {
  return history.filter(step => !step.emptyLayer)
}
