// `plyfs writable ls|rm|prune`: writable layers that `mount --rw=NAME` has left, in the manner of
// Docker's volumes.
import { ImageError } from '../../image/model/errors.js'
import { shortDigest } from '../../image/model/digest.js'
import { familiarName, parseReference } from '../../image/model/reference.js'
import {
  layerSize,
  type NamedLayer,
  namedLayers,
  pruneLayers,
  removeLayer,
} from '../../image/written-layers.js'
import { formatBytes } from '../bytes-size.js'
import { confirm } from '../confirm.js'
import { type Column, type ListRow, renderList } from '../list-output.js'
import { asBytes, printError, printLine } from '../output.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface WritableListFlags extends StoreFlags {
  readonly format?: string
  readonly json?: boolean
  readonly quiet?: boolean
}

const COLUMNS: readonly Column[] = [
  ['NAME', 'Name'],
  ['IMAGE', 'Image'],
  ['SIZE', 'Size'],
  ['MOUNTED ON', 'Mounts'],
]

/** Prints one line for each; 0. Throws an ImageError. */
export async function listWritable(flags: WritableListFlags): Promise<number> {
  const store = await openStore(flags)
  const layers = namedLayers(store)
  const text =
    flags.quiet === true
      ? layers.map(({ name }) => name).join('\n')
      : renderList(
          layers.map(layer => rowOf(layer, layerSize(store, layer.name))),
          COLUMNS,
          flags,
        )
  if (text !== '') printLine(asBytes(text))
  return 0
}

function rowOf({ name, image, imageId, mounts }: NamedLayer, size: number): ListRow {
  const [first] = image?.names ?? []
  const shown = imageId === null ? '' : shortDigest(imageId)
  return {
    Name: name,
    Image: first === undefined ? shown : familiarName(parseReference(first)),
    ImageID: imageId ?? '',
    Size: formatBytes(size),
    Mounts: mounts.join(', '),
  }
}

export interface WritableRemoveFlags extends StoreFlags {
  readonly force?: boolean
}

/** Prints the names that are gone; 0, or 1 when one of them is not. */
export async function removeWritable(
  names: readonly string[],
  flags: WritableRemoveFlags,
): Promise<number> {
  const store = await openStore(flags)
  let status = 0
  for (const name of names) {
    try {
      await removeLayer(store, name)
      printLine(name)
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      if (error.code === 'not-found' && flags.force === true) continue
      printError(asBytes(`plyfs: ${error.message}`))
      status = 1
    }
  }
  return status
}

export interface WritablePruneFlags extends StoreFlags {
  readonly all?: boolean
  readonly force?: boolean
}

/** Asks, unless forced, then prints what is gone; 0. Throws an ImageError. */
export async function pruneWritable(flags: WritablePruneFlags): Promise<number> {
  const all = flags.all === true
  const what = all
    ? 'all writable layers that are not mounted'
    : 'all writable layers whose image is gone'
  const sure =
    flags.force === true ||
    (await confirm(`This will remove ${what}. Are you sure? [y/N] `))
  if (!sure) return 1
  const { names, bytes } = await pruneLayers(await openStore(flags), all)
  if (names.length > 0) printLine('Deleted writable layers:')
  for (const name of names) printLine(name)
  if (names.length > 0) printLine('')
  printLine(`Total reclaimed space: ${formatBytes(bytes)}`)
  return 0
}
