// `plyfs rmi IMAGE...` and `plyfs image prune`: images out of the store.
import type { Swept } from '../../image/gc.js'
import { ImageError } from '../../image/model/errors.js'
import { familiarName, parseReference } from '../../image/model/reference.js'
import { pruneImages } from '../../image/prune.js'
import { removeImage, sweepRemoved } from '../../image/remove.js'
import { formatBytes } from '../bytes-size.js'
import { confirm } from '../confirm.js'
import { asBytes, printError, printLine } from '../output.js'
import { imageFilter } from './image-filter.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface RmiFlags extends StoreFlags {
  readonly force?: boolean
}

/** Prints what is gone; 0, or 1 when one of them is not. */
export async function rmi(images: readonly string[], flags: RmiFlags): Promise<number> {
  const store = await openStore(flags)
  let status = 0
  let deleted = false
  for (const image of images) {
    try {
      const removed = await removeImage(store, image, { force: flags.force === true })
      for (const name of removed.untagged) printLine(`Untagged: ${shown(name)}`)
      if (removed.deleted === null) continue
      printLine(`Deleted: ${removed.deleted}`)
      deleted = true
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      // As with docker: -f does not mind what is not there.
      if (error.code === 'not-found' && flags.force === true) continue
      printError(asBytes(`plyfs: ${error.message}`))
      status = 1
    }
  }
  if (deleted) tellSwept(await sweepRemoved(store))
  return status
}

export interface PruneFlags extends StoreFlags {
  readonly all?: boolean
  readonly force?: boolean
  readonly filter?: readonly string[]
}

/** Asks, unless forced, then prints what is gone; 0. Throws an ImageError. */
export async function prune(flags: PruneFlags): Promise<number> {
  const all = flags.all === true
  if (flags.force !== true && !(await isSure(all))) return 1
  const store = await openStore(flags)
  const filter = imageFilter(store, flags.filter ?? [])
  const { images, swept } = await pruneImages(store, { all, only: filter.record })
  if (images.length > 0) printLine('Deleted Images:')
  for (const { id, untagged } of images) {
    for (const name of untagged) printLine(`untagged: ${shown(name)}`)
    printLine(`deleted: ${id}`)
  }
  if (images.length > 0) printLine('')
  printLine(`Total reclaimed space: ${formatBytes(swept?.bytes ?? 0)}`)
  if (swept === null) tellSwept(null)
  return 0
}

function isSure(all: boolean): Promise<boolean> {
  const what = all ? 'all images without a container or a mount' : 'all untagged images'
  return confirm(`This will remove ${what}. Are you sure? [y/N] `)
}

/** Layers that went with the images. */
function tellSwept(swept: Swept | null): void {
  if (swept === null)
    printError("plyfs: another command adds images: 'plyfs gc' removes the data later")
  else for (const layer of swept.layers) printLine(`Deleted: ${layer}`)
}

function shown(name: string): string {
  return familiarName(parseReference(name))
}
