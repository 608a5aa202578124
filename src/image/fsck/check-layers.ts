// Unpacked layers against their blobs: each is unpacked once more in incoming/, and the two trees
// are compared. A repair puts the fresh one in the place of the other; where the trees are the same
// and only the inventory is not, as after the store was copied, the entries are recorded anew.
import * as fs from 'node:fs'
import { FsError } from '../../errno/fs-error.js'
import { AT_FDCWD, RENAME_EXCHANGE } from '../../sys/constants.js'
import { renameat2 } from '../../sys/inode.js'
import { type Digest, shortDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { compareInventory } from '../inventory/compare-inventory.js'
import { finished } from '../inventory/digest-contents.js'
import { Inventory } from '../inventory/inventory.js'
import { openLayerRoot } from '../inventory/open-layer-root.js'
import type { Progress } from '../progress.js'
import { compareTrees, type Difference } from '../store/compare-trees.js'
import type { LayerRecord } from '../store/layers.js'
import { removeTree } from '../store/remove-tree.js'
import { LateThread } from '../store/store-thread-client.js'
import type { Store } from '../store/store.js'
import { nodePath } from '../store/store-place.js'
import type { Problem } from './problem.js'

/** Base layers first, since those above are unpacked over them. */
export async function checkLayers(
  store: Store,
  layers: readonly Digest[],
  repair: boolean,
  progress: Progress,
): Promise<Problem[]> {
  const problems: Problem[] = []
  const inUse = new Set(store.uses.list().flatMap(use => use.layers))
  const known = new Map<Digest, LayerRecord>()
  for (const chainId of layers) {
    const record = store.layers.record(chainId)
    if (record === null) problems.push(withoutRecord(store, chainId, repair))
    else known.set(chainId, record)
  }
  const thread = new LateThread()
  try {
    for (const record of [...known.values()].toSorted(byDepth(known))) {
      const mayRepair = repair && !inUse.has(record.chainId)
      const found =
        (await checkLayer(store, record, known, mayRepair, thread, progress)) ??
        checkInventory(store, record.chainId, repair) ??
        checkTree(store, record.chainId, repair)
      if (found === null) continue
      const isBlocked = repair && !mayRepair && found.repaired === null
      const blocked = isBlocked ? ' (in use: unmount it, then repair)' : ''
      problems.push({ ...found, text: found.text + blocked })
    }
  } finally {
    await thread.end()
  }
  return problems
}

/** Layers of a store are published with their records: without one it is nobody's. */
function withoutRecord(store: Store, chainId: Digest, repair: boolean): Problem {
  if (repair) store.layers.remove(chainId)
  return {
    kind: 'layer',
    subject: chainId,
    text: `layer ${chainId} has no readable record`,
    repaired: repair ? 'removed' : null,
  }
}

function byDepth(
  known: ReadonlyMap<Digest, LayerRecord>,
): (one: LayerRecord, two: LayerRecord) => number {
  const depth = (record: LayerRecord): number => below(record, known).length
  return (one, two) => depth(one) - depth(two)
}

/** Chain ids of the layers below, base first. */
function below(
  record: LayerRecord,
  known: ReadonlyMap<Digest, LayerRecord>,
): readonly Digest[] {
  const chain: Digest[] = []
  for (let at = record.parent; at !== null && chain.length <= known.size;) {
    chain.unshift(at)
    at = known.get(at)?.parent ?? null
  }
  return chain
}

async function checkLayer(
  store: Store,
  record: LayerRecord,
  known: ReadonlyMap<Digest, LayerRecord>,
  repair: boolean,
  thread: LateThread,
  progress: Progress,
): Promise<Problem | null> {
  const { chainId, diffId, blob } = record
  const problem = (text: string, repaired: string | null): Problem => ({
    kind: 'layer',
    subject: chainId,
    text: `layer ${shortDigest(chainId)}: ${text}`,
    repaired,
  })
  const size = store.blobs.size(blob)
  if (size === null) return problem(`cannot be checked without its blob ${blob}`, null)
  const fresh = `${store.place.partialLayer(chainId)}.check`
  const task = progress.task(`check layer ${shortDigest(chainId)}`, size)
  try {
    const chain = below(record, known)
    const missing = chain.find(id => !known.has(id))
    if (missing !== undefined)
      return problem(`the layer ${missing} below it is gone`, null)
    const link = { diffId, blob, size }
    const unpacking = { chainId, link, below: chain }
    await store.layers.unpackInto(fresh, unpacking, thread, count => task.advance(count))
    const differences = differencesOf(store, chainId, `${fresh}/diff`)
    if (differences.length === 0) return null
    if (repair) exchange(fresh, store.place.layer(chainId))
    return problem(told(differences), repair ? 'unpacked anew' : null)
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    return problem(error.message, null)
  } finally {
    task.done('compared')
    removeTree(fresh)
  }
}

/** For a layer that is as its blob has it: whether its inventory says so. */
function checkInventory(store: Store, chainId: Digest, repair: boolean): Problem | null {
  const trouble = inventoryTrouble(store, chainId)
  if (trouble === null) return null
  // That the layer is in use is no matter: nothing of it is changed.
  if (repair) store.layers.recordAnew(chainId)
  return {
    kind: 'layer',
    subject: chainId,
    text: `layer ${shortDigest(chainId)}: ${trouble}`,
    repaired: repair ? 'recorded anew' : null,
  }
}

/** Whether what an image shows is recorded whole. What is of older layers is made anew at a mount. */
function checkTree(store: Store, chainId: Digest, repair: boolean): Problem | null {
  if (store.trees.isWhole(chainId)) return null
  if (repair) store.trees.remove(chainId)
  return {
    kind: 'layer',
    subject: chainId,
    text: `layer ${shortDigest(chainId)}: the index of the image above it is damaged`,
    repaired: repair ? 'removed, the next mount makes it anew' : null,
  }
}

function inventoryTrouble(store: Store, chainId: Digest): string | null {
  const inventory = Inventory.read(store.place.layerInventory(chainId), true)
  if (inventory === 'absent') return 'it has no record of its entries'
  if (inventory === 'damaged') return 'the record of its entries is damaged'
  const layer = openLayerRoot(store.layers.path(chainId))
  try {
    const [first] = finished(compareInventory(layer, inventory, false))
    return first === undefined
      ? null
      : `its entries are right, their record is not: ${first.path}: ${first.what}`
  } finally {
    layer.close()
  }
}

function differencesOf(store: Store, chainId: Digest, fresh: string): Difference[] {
  const path = store.layers.path(chainId)
  if (!fs.existsSync(nodePath(path))) return [{ path: '/', what: 'missing' }]
  return compareTrees(fresh, path)
}

const SHOWN = 20

function told(differences: readonly Difference[]): string {
  const more = differences.length - SHOWN
  const lines = differences.slice(0, SHOWN).map(({ path, what }) => `${path}: ${what}`)
  return [...lines, ...(more > 0 ? [`and ${more} more`] : [])].join(', ')
}

/** At no moment is the layer absent. */
function exchange(fresh: string, layer: string): void {
  const result = renameat2(AT_FDCWD, fresh, AT_FDCWD, layer, RENAME_EXCHANGE)
  if (result < 0) throw new FsError(result, 'renameat2', layer)
}
