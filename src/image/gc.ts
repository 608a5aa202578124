// `gc`: removes blobs and layers that no image leads to, and what commands that were killed have
// left. It never removes an image, named or not.
import * as fs from 'node:fs'
import { sweepKept } from './archives/kept-index.js'
import type { Digest } from './model/digest.js'
import { unreachableTrees } from './flat/flat-trees.js'
import { reachable } from './store/reachable.js'
import { removeTree } from './store/remove-tree.js'
import type { Store } from './store/store.js'
import { takeLock, tryLock } from './store/store-lock.js'
import { nodePath } from './store/store-place.js'

export interface Swept {
  readonly blobs: readonly Digest[]
  /** Chain ids. */
  readonly layers: readonly Digest[]
  /** Names in `incoming/`. */
  readonly leftovers: readonly string[]
  /** Whole trees of no image any more, `KIND/HEX` in `flat/`. */
  readonly flat: readonly string[]
  /** Writable layers of mounts that died, names in `writable/`. */
  readonly writable: readonly string[]
  /** What was known of archives that are gone or others now, names in `archives/`. */
  readonly archives: readonly string[]
  /** Bytes of the blobs, and of the contents of the layers. */
  readonly bytes: number
}

export interface GcOptions {
  /** Says what would be removed. */
  readonly dryRun?: boolean
  /** Called once when a command that adds images has to be waited for. */
  readonly onWait?: () => void
}

/** Waits until nobody is adding images, then sweeps. @throws ImageError for a damaged store. */
export async function collectGarbage(
  store: Store,
  options: GcOptions = {},
): Promise<Swept> {
  const lock = await takeLock(store.place.contentLock, 'exclusive', options.onWait)
  try {
    return await sweep(store, { leftovers: true, dryRun: options.dryRun === true })
  } finally {
    lock.release()
  }
}

/**
 * Sweeps what a removed image leaves, at once if nobody is adding images; null when somebody is:
 * `gc` does it later.
 */
export async function sweepNow(store: Store): Promise<Swept | null> {
  const lock = tryLock(store.place.contentLock, 'exclusive')
  if (lock === null) return null
  try {
    return await sweep(store, { leftovers: false, dryRun: false })
  } finally {
    lock.release()
  }
}

/** Under the content lock, and under the records lock, so that nothing is named meanwhile. */
async function sweep(
  store: Store,
  how: {
    readonly leftovers: boolean
    readonly dryRun: boolean
  },
): Promise<Swept> {
  const lock = await takeLock(store.place.recordsLock, 'exclusive')
  try {
    const kept = reachable(store)
    const blobs = store.blobs.list().filter(digest => !kept.blobs.has(digest))
    const layers = store.layers.list().filter(chainId => !kept.layers.has(chainId))
    const standing = [...kept.layers].filter(chainId => !kept.tops.has(chainId))
    const leftovers = how.leftovers
      ? fs.readdirSync(nodePath(store.place.incoming), 'latin1')
      : []
    const used = new Set(store.uses.list().map(use => use.writable))
    const writable = how.leftovers ? store.writable.sweep(how.dryRun, used) : []
    const archives = how.leftovers ? sweepKept(store.place, how.dryRun) : []
    const flat = unreachableTrees(store.place, kept.layers)
    const bytes =
      sum(blobs.map(digest => store.blobs.size(digest) ?? 0)) +
      sum(layers.map(chainId => store.layers.record(chainId)?.bytes ?? 0))
    if (!how.dryRun) {
      // Tops first: a layer that is there has its parents.
      for (const chainId of topsFirst(store, layers)) store.layers.remove(chainId)
      for (const top of store.trees.list(standing)) store.trees.remove(top)
      for (const name of flat) removeTree(`${store.place.flat}/${name}`)
      for (const digest of blobs) store.blobs.remove(digest)
      for (const name of leftovers) removeTree(`${store.place.incoming}/${name}`)
    }
    return { blobs, layers, leftovers, flat, writable, archives, bytes }
  } finally {
    lock.release()
  }
}

function topsFirst(store: Store, layers: readonly Digest[]): Digest[] {
  const depth = (chainId: Digest): number => {
    let count = 0
    const seen = new Set<Digest>()
    let at: Digest | null = chainId
    while (at !== null && !seen.has(at)) {
      seen.add(at)
      at = store.layers.record(at)?.parent ?? null
      count += 1
    }
    return count
  }
  return layers
    .map(chainId => ({ chainId, depth: depth(chainId) }))
    .toSorted((one, two) => two.depth - one.depth)
    .map(({ chainId }) => chainId)
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}
