// Whether a layer is as its inventory has it, names and attributes: an answer without a word about
// what differs, from several threads at once, while the caller does something else.
import { availableParallelism } from 'node:os'
import type { Layer } from '../../layer/layer.js'
import { recordedTreeAsync } from '../../sys/inode.js'
import type { Inventory } from './inventory.js'

/** As many threads as Node has for calls that wait, at most; one processor is left to the caller. */
const MOST = 4

/**
 * False is also said where it could not be told, or the disk has another order of names by now: ask
 * compareInventory then.
 * @param layer stays open until this is fulfilled.
 */
export async function isAsRecorded(layer: Layer, inventory: Inventory): Promise<boolean> {
  const shares = Math.max(1, Math.min(availableParallelism() - 1, MOST))
  const answers = await Promise.all(
    Array.from({ length: shares }, (_, share) =>
      recordedTreeAsync(layer.rootFd, inventory.words, share, shares),
    ),
  )
  return answers.every(Boolean)
}
