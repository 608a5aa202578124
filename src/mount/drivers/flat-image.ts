// What the drivers that mount one whole tree have in common: the tree of an image, made layer after
// layer, recorded, and compared with its record.
import { ensureTree } from '../../image/flat/flat-trees.js'
import { layOver } from '../../image/flat/lay-over.js'
import { ImageError } from '../../image/model/errors.js'
import { shortDigest } from '../../image/model/digest.js'
import { openVerification } from '../../image/verify.js'
import { layerFormat } from '../../layer/format.js'
import type { DriverContext } from './driver.js'

/** Layers to lay over a tree: folders, base first. */
export type Pile = readonly string[]

/**
 * Makes the trees of a chain from the topmost that is there on, or from nothing, and returns the
 * folder of the last.
 * @param every whether each layer of the chain gets a tree, or the last alone.
 * @param make fills a folder; `below` is that of the tree it stands on, null for none.
 */
export async function ensureChain(
  { store, image, chain, lowers, verify, progress }: DriverContext,
  kind: string,
  every: boolean,
  make: (folder: string, below: string | null, pile: Pile) => void,
): Promise<string> {
  const pile = lowers.toReversed()
  const steps = every
    ? chain.map((chainId, i) => ({ chainId, pile: pile.slice(i, i + 1) }))
    : chain.slice(-1).map(chainId => ({ chainId, pile }))
  // What is copied is checked first, once: the tree is compared with its own record later.
  let isChecked = false
  const top = await store.whileAdding(async () => {
    let below: string | null = null
    for (const step of steps) {
      const under = below
      below = await ensureTree(store.place, kind, step.chainId, async folder => {
        if (!isChecked) await openVerification(store, image, verify).run()
        isChecked = true
        const shown = progress.task(`copy ${shortDigest(step.chainId)}`)
        make(folder, under, step.pile)
        shown.done('copied')
      })
    }
    return below
  })
  if (top === null) throw new ImageError('invalid', `image ${image.id} has no layers`)
  return top
}

/** Lays layers of the store over a tree that is a folder. */
export function layPile(context: DriverContext, pile: Pile, tree: string): void {
  const format = layerFormat(context.store.format, true, false)
  for (const layer of pile) layOver(layer, tree, format)
}
