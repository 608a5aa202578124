// The writable layer of a container, in its folder `rw`: an upper and a work directory, or a whole
// tree of the image's, as its driver has it. The layer for the runtime's needs is below it: a whole
// tree has it laid over the image before it is recorded what the tree is.
import * as fs from 'node:fs'
import { recordState } from '../image/flat/flat-trees.js'
import { layOver } from '../image/flat/lay-over.js'
import { likeDirectory } from '../image/store/like-directory.js'
import { nodePath } from '../image/store/store-place.js'
import type { Store } from '../image/store/store.js'
import { storeLayerFormat } from '../image/export.js'
import type { KernelDriver } from '../mount/drivers/make-driver.js'
import { isWholeTree } from '../mount/drivers/with-tree.js'
import { close } from '../sys/file.js'
import type { Container } from './containers.js'
import { kernelDriver } from './kernel-root.js'

/**
 * Makes it in a container that has the layer for the runtime's needs already.
 * @throws MountError, ImageError, FsError.
 */
export async function makeWritableLayer(
  store: Store,
  container: Container,
): Promise<void> {
  const { driver, readOnly } = container.record
  fs.mkdirSync(nodePath(container.file('rw')), { mode: 0o700 })
  if (isWholeTree(driver)) {
    await makeTree(store, container, driver)
    return
  }
  fs.mkdirSync(nodePath(container.file('rw/work')), { mode: 0o700 })
  if (!readOnly)
    likeDirectory(container.file('init'), container.file('rw/upper'), store.format)
}

async function makeTree(
  store: Store,
  container: Container,
  name: KernelDriver,
): Promise<void> {
  const driver = await kernelDriver(store, container, name, 'quick')
  const folder = container.file('rw')
  driver.layers.make(folder)
  const tree = driver.openWritable(folder)
  try {
    const format = storeLayerFormat(store)
    layOver(container.file('init'), `/proc/self/fd/${tree}/.`, format)
    recordState(folder, tree)
  } finally {
    close(tree)
  }
}
