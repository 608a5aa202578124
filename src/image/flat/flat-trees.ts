// Whole trees of images, for those drivers that cannot show several layers as one: flat/KIND/HEX by
// the chain id of the topmost layer, with the inventory of what lies there. A tree is made in
// incoming/ and published by one rename; it is never changed after.
import * as fs from 'node:fs'
import { FsError } from '../../errno/fs-error.js'
import { Layer } from '../../layer/layer.js'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { compareInventory } from '../inventory/compare-inventory.js'
import { ContentDigests } from '../inventory/content-digests.js'
import { Inventory } from '../inventory/inventory.js'
import { inventoryOf } from '../inventory/record-inventory.js'
import { type Digest, hexOf } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { hasCode, replaceFile } from '../store/replace-file.js'
import { removeTree } from '../store/remove-tree.js'
import { takePassingLock } from '../store/store-lock.js'
import { nodePath, type StorePlace } from '../store/store-place.js'
import { deviationLines, taken, type VerifyMode } from '../verify.js'

/**
 * The folder of a tree, made when it is not there yet. Call it inside `whileAdding`. What another
 * process is making is waited for.
 * @param make fills a folder that is there and empty.
 * @throws what `make` throws; nothing is left then.
 */
export async function ensureTree(
  place: StorePlace,
  kind: string,
  chainId: Digest,
  make: (folder: string) => Promise<void>,
): Promise<string> {
  const folder = place.flatTree(kind, chainId)
  if (isThere(folder)) return folder
  const partial = place.partialFlatTree(kind, chainId)
  const lock = await takePassingLock(`${partial}.lock`)
  try {
    if (isThere(folder)) return folder
    removeTree(partial)
    fs.mkdirSync(nodePath(partial), { mode: 0o700 })
    try {
      await make(partial)
      fs.mkdirSync(nodePath(`${place.flat}/${kind}`), { recursive: true, mode: 0o700 })
      fs.renameSync(nodePath(partial), nodePath(folder))
    } catch (error) {
      removeTree(partial)
      throw error
    }
    return folder
  } finally {
    lock.release()
  }
}

/** Records what lies in a tree, once: when it was made, or is first used as a whole image. */
export function recordTree(folder: string, root: number): void {
  if (isThere(`${folder}/inventory`)) return
  replaceFile(
    `${folder}/inventory`,
    inventoryOf(layerAt(folder, root), new ContentDigests()),
  )
}

/** Records names and attributes alone, of a tree that is going to be changed. */
export function recordState(folder: string, root: number): void {
  replaceFile(`${folder}/inventory`, inventoryOf(layerAt(folder, root), null))
}

/** Records a tree that is a folder as `recordTree` does. */
export function recordRoot(folder: string, root: string): void {
  const fd = openat2(AT_FDCWD, root, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', root)
  try {
    recordTree(folder, fd)
  } finally {
    close(fd)
  }
}

/**
 * Compares a tree with what was recorded of it.
 * @param root a descriptor in it or in its mount; stays open.
 * @throws ImageError `mismatch` that names what differs, or FsError.
 */
export async function verifyTree(
  folder: string,
  root: number,
  mode: VerifyMode,
): Promise<void> {
  if (mode === 'none') return
  const what = folder.slice(folder.lastIndexOf('/flat/') + 1)
  const inventory = Inventory.read(`${folder}/inventory`, mode === 'full')
  const remedy = `remove ${folder}, and it is made anew from the layers`
  if (typeof inventory === 'string')
    throw new ImageError(
      'mismatch',
      `${what}: the record of its entries is ${inventory}; ${remedy}`,
    )
  const layer = layerAt(folder, root)
  try {
    const found = await taken(compareInventory(layer, inventory, mode === 'full'))
    if (found.length === 0) return
    throw new ImageError('mismatch', [...deviationLines(what, found), remedy].join('\n'))
  } finally {
    layer.close()
  }
}

/** Trees that none of these chains leads to, `KIND/HEX` each. */
export function unreachableTrees(place: StorePlace, kept: ReadonlySet<Digest>): string[] {
  const keep = new Set([...kept].map(hexOf))
  return list(place.flat).flatMap(kind =>
    list(`${place.flat}/${kind}`)
      .filter(hex => /^[0-9a-f]{64}$/.test(hex) && !keep.has(hex))
      .map(hex => `${kind}/${hex}`),
  )
}

/** The tree as those see it who compare: with a descriptor of its own. */
function layerAt(path: string, root: number): Layer {
  const fd = openat2(root, '.', O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  return new Layer(path, fd, -1)
}

function isThere(path: string): boolean {
  return fs.existsSync(nodePath(path))
}

function list(folder: string): string[] {
  try {
    return fs.readdirSync(nodePath(folder), 'latin1')
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return []
    throw error
  }
}
