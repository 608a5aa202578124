// Which merged trees the store keeps (see tree-file.ts): one for each image, beside its topmost
// layer. A tree is of the layers as their inventories have them: when one of those is made anew, or
// the roots are other inodes than then, the trees over it are none any more.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { FsError } from '../../errno/fs-error.js'
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../sys/constants.js'
import { statx } from '../../sys/inode.js'
import { ST, statRecords } from '../../sys/stat.js'
import { inventorySeal } from '../inventory/inventory.js'
import type { Digest } from '../model/digest.js'
import { nodePath, type StorePlace } from './store-place.js'
import { isTreeWhole, type TreeFile } from './tree-file.js'

export class Trees {
  private readonly place: StorePlace

  constructor(place: StorePlace) {
    this.place = place
  }

  /**
   * The tree of a chain of layers that are unpacked and recorded, base first; null for an empty
   * chain, and where a layer has no inventory. Throws FsError.
   */
  file(chain: readonly Digest[]): TreeFile | null {
    const top = chain.at(-1)
    if (top === undefined) return null
    const hash = createHash('sha256')
    const record = statRecords(1)
    for (const chainId of chain) {
      const seal = inventorySeal(this.place.layerInventory(chainId))
      if (seal === null) return null
      const path = this.place.layerTree(chainId)
      const error = statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, record, 0)
      if (error < 0) throw new FsError(error, 'statx', path)
      const root = [
        record[ST.ino],
        record[ST.ino + 1],
        record[ST.ctime],
        record[ST.ctimeNsec],
      ]
      hash.update(`${chainId} ${root.join(' ')} `).update(seal)
    }
    return {
      path: this.place.layerMerged(top),
      incoming: this.place.partialTree(top),
      key: hash.digest(),
    }
  }

  /** The topmost layers of those that are there. */
  list(layers: readonly Digest[]): Digest[] {
    return layers.filter(top => fs.existsSync(nodePath(this.place.layerMerged(top))))
  }

  /** Whether the tree beside a layer is as it was written; so is one that is not there. */
  isWhole(top: Digest): boolean {
    return isTreeWhole(nodePath(this.place.layerMerged(top))) ?? true
  }

  remove(top: Digest): void {
    fs.rmSync(nodePath(this.place.layerMerged(top)), { force: true })
  }
}
