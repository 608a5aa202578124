// `plyfs diff CONTAINER|NAME|DIR`: what a container, a writable layer, or the one of a mount, changed
// of its image.
import { ContainerError } from '../../container/container-error.js'
import { type Container, Containers } from '../../container/containers.js'
import { writtenBy } from '../../container/written-by.js'
import { changesOf, type Change } from '../../image/diff/changes.js'
import { ImageError } from '../../image/model/errors.js'
import { changesSince } from '../../image/diff/tree-changes.js'
import {
  findWritten,
  type Written,
  writtenIn,
  writtenOfUpper,
} from '../../image/written.js'
import type { Store } from '../../image/store/store.js'
import { askStats } from '../../mount/ask-mount.js'
import { driverMountAt } from '../../mount/drivers/find-mounts.js'
import { isWholeTree, withTree } from '../../mount/drivers/with-tree.js'
import { textOfAnswer } from '../../bytes/bytes-text.js'
import { asBytes, printLine } from '../output.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface DiffFlags extends StoreFlags {
  readonly json?: boolean
}

/** Prints a line for each change; 0. Throws an ImageError or a MountError. */
export async function diff(what: string, flags: DiffFlags): Promise<number> {
  const changes = await changesIn(what, flags)
  if (flags.json === true) printLine(asBytes(JSON.stringify(textOfAnswer(changes))))
  else if (changes.length > 0)
    printLine(changes.map(({ kind, path }) => `${kind} ${path}`).join('\n'))
  return 0
}

async function changesIn(what: string, flags: StoreFlags): Promise<readonly Change[]> {
  const store = await openStore(flags)
  const container = what.includes('/') ? null : findContainer(store, what)
  if (container !== null) return changesOf(writtenBy(store, container))
  const named = what.includes('/') ? null : findWritten(store, what)
  if (named !== null) return changes(named)
  const driven = driverMountAt(what)
  if (driven !== null)
    return driven.writable === null
      ? []
      : changes(await writtenIn(driven.root, driven.writable))
  const { upper } = askStats(what)
  // A mount that cannot be written has changed nothing.
  if (upper === null) return []
  const mounted = await writtenOfUpper(upper)
  if (mounted === null)
    throw new ImageError('not-found', `${what} is not the mount of an image`)
  return changes(mounted)
}

/** A container goes before a writable layer of the same name; null where there is none. */
function findContainer(store: Store, name: string): Container | null {
  try {
    return new Containers(store).find(name)
  } catch (error) {
    if (error instanceof ContainerError) return null
    throw error
  }
}

function changes(written: Written): Promise<readonly Change[]> | readonly Change[] {
  const { store, image, name, kind, upper, work, format } = written
  const { root, writable } = store.place
  if (isWholeTree(kind))
    return withTree(root, name, kind, tree =>
      changesSince(tree, `${writable}/${name}/inventory`),
    )
  const parents = store.layers.paths(store.configOf(image).diffIds)
  return changesOf({ upper, index: `${work}/index`, parents, format })
}
