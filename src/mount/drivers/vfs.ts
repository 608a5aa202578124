// The driver `vfs`: a plain copy of the whole image, and another one for each writable layer.
import * as fs from 'node:fs'
import { recordRoot, verifyTree } from '../../image/flat/flat-trees.js'
import { layOver } from '../../image/flat/lay-over.js'
import { recordInventory } from '../../image/inventory/record-inventory.js'
import { nodePath } from '../../image/store/store-place.js'
import type { LayerMaker } from '../../image/store/writable.js'
import { openBind } from './detached.js'
import type { Driver, DriverContext } from './driver.js'
import { ensureChain, layPile } from './flat-image.js'

export class Vfs implements Driver {
  readonly isFilesystem = false
  readonly layers: LayerMaker = { kind: 'vfs', make: folder => this.copy(folder) }
  private readonly context: DriverContext
  private folder = ''

  constructor(context: DriverContext) {
    this.context = context
  }

  async prepare(): Promise<void> {
    this.folder = await ensureChain(this.context, 'vfs', false, (folder, _, pile) => {
      const tree = `${folder}/tree`
      fs.mkdirSync(nodePath(tree), { mode: 0o700 })
      layPile(this.context, pile, tree)
    })
    recordRoot(this.folder, `${this.folder}/tree`)
  }

  openImage(): number {
    return openBind(`${this.folder}/tree`)
  }

  verify(mount: number): Promise<void> {
    return verifyTree(this.folder, mount, this.context.verify)
  }

  openWritable(folder: string): number {
    return openBind(`${folder}/tree`)
  }

  /** Its inventory tells later what was changed: nobody can set a change time. */
  private copy(folder: string): void {
    const tree = `${folder}/tree`
    fs.mkdirSync(nodePath(tree), { mode: 0o700 })
    layOver(`${this.folder}/tree`, tree, null)
    fs.writeFileSync(nodePath(`${folder}/inventory`), recordInventory(tree, null))
  }
}
