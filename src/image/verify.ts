// Whether the layers of an image are as they were unpacked, by the inventories that were made then.
// Everything is opened before the image is mounted, since its mount point may cover the store; the
// comparison itself then reads the layers alone, never the mount.
import type { Layer } from '../layer/layer.js'
import { isAsRecorded } from './inventory/as-recorded.js'
import { compareInventory, type Deviation } from './inventory/compare-inventory.js'
import { Inventory } from './inventory/inventory.js'
import { knownInventory } from './inventory/known-inventories.js'
import { openLayerRoot } from './inventory/open-layer-root.js'
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import { linksOf } from './store/add-image.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'
import { shown } from '../layer/refusal.js'

/** `quick`: names and attributes; `full`: contents too; `none`: nothing. */
export type VerifyMode = 'quick' | 'full' | 'none'

/** Signals and messages get a turn so often, in milliseconds. */
const TURN = 50
/** Deviations that are named, of each layer. */
const NAMED = 10

interface OpenLayer {
  /** Digest of the blob, as the image's manifest names the layer. */
  readonly digest: Digest
  readonly layer: Layer
  readonly inventory: Inventory | 'damaged'
}

/** A check of layers that are open. */
export interface LayerCheck {
  /** To be called once. Throws an ImageError `mismatch` that names layers and paths, or an FsError. */
  run(): Promise<void>
  /** Closes the layers of a check that was not run; else does nothing. */
  close(): void
}

/**
 * Opens what a check of an image's layers needs, which have to be unpacked. A quick one begins at once,
 * on other threads, and goes on while its caller gets everything else ready.
 * @throws ImageError `not-found` for a layer that is not unpacked or has no inventory.
 */
export function openVerification(
  store: Store,
  image: ImageRecord,
  mode: VerifyMode,
): LayerCheck {
  if (mode === 'none') return { run: () => Promise.resolve(), close: () => undefined }
  const layers = openLayers(store, image, mode === 'full')
  const begun = Promise.all(mode === 'quick' ? layers.map(looksAsRecorded) : [])
  const open = new Set(layers)
  const closeAll = (): void => {
    for (const { layer } of open) layer.close()
    open.clear()
  }
  return {
    run: async () => {
      try {
        await verify(layers, await begun, mode === 'full')
      } finally {
        closeAll()
      }
    },
    // What was begun reads from them until it has ended.
    close: () => void begun.then(closeAll),
  }
}

/** Whether nothing at all differs; false tells nothing. */
async function looksAsRecorded({ layer, inventory }: OpenLayer): Promise<boolean> {
  return inventory !== 'damaged' && (await isAsRecorded(layer, inventory))
}

function openLayers(store: Store, image: ImageRecord, contents: boolean): OpenLayer[] {
  const { diffIds } = store.configOf(image)
  const chain = store.layers.chainOf({ diffIds })
  const layers: OpenLayer[] = []
  try {
    for (const [i, { blob }] of linksOf(
      diffIds,
      store.manifestOf(image).layers,
    ).entries()) {
      const chainId = chain[i]
      if (chainId === undefined) break
      layers.push(openLayer(store, chainId, blob, contents))
    }
    return layers
  } catch (error) {
    for (const { layer } of layers) layer.close()
    throw error
  }
}

function openLayer(
  store: Store,
  chainId: Digest,
  digest: Digest,
  contents: boolean,
): OpenLayer {
  const path = store.place.layerInventory(chainId)
  const inventory = contents ? Inventory.read(path, true) : knownInventory(path)
  if (inventory === 'absent')
    throw new ImageError('not-found', `layer ${digest} has no record of its entries`, {
      layer: digest,
    })
  return { digest, layer: openLayerRoot(store.layers.path(chainId)), inventory }
}

/** @param same by layer, whether it is known already to be as recorded. */
async function verify(
  layers: readonly OpenLayer[],
  same: readonly boolean[],
  contents: boolean,
): Promise<void> {
  const lines: string[] = []
  let place: { layer: string; entry?: string } | null = null
  let moved = true
  for (const [i, { digest, layer, inventory }] of layers.entries()) {
    if (same[i] === true) continue
    if (inventory === 'damaged') {
      lines.push(`layer ${digest}: the record of its entries is damaged`)
      place ??= { layer: digest }
      moved = false
      continue
    }
    const deviations = await taken(compareInventory(layer, inventory, contents))
    if (deviations.length === 0) continue
    lines.push(...deviationLines(`layer ${digest}`, deviations))
    place ??= { layer: digest, entry: deviations[0]?.path ?? '/' }
    moved &&= deviations.every(one => one.moved)
  }
  if (place === null) return
  lines.push(
    moved
      ? "If the store was copied, 'plyfs fsck --repair' compares it with its blobs and records it anew"
      : "'plyfs fsck --repair' compares the store with its blobs and sets it right",
  )
  throw new ImageError('mismatch', lines.join('\n'), place)
}

/** Lines for people: `layer DIGEST: PATH: WHAT`. */
export function deviationLines(
  where: string,
  deviations: readonly Deviation[],
): string[] {
  const more = deviations.length - NAMED
  return [
    ...deviations
      .slice(0, NAMED)
      .map(({ path, what }) => `${where}: ${shown(path)}: ${what}`),
    ...(more > 0 ? [`${where}: and ${more} more`] : []),
  ]
}

/** Runs steps to their end, with turns for others. */
export async function taken<Result>(
  steps: Generator<undefined, Result>,
): Promise<Result> {
  let turn = performance.now()
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    if (performance.now() - turn < TURN) continue
    await new Promise(resolve => setImmediate(resolve))
    turn = performance.now()
  }
}
