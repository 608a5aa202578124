// `plyfs diff CONTAINER|NAME|DIR`: what a container, a writable layer, or the one of a mount, changed
// of its image.
import { withWrittenBy } from '../../container/written-by.js'
import type { Change } from '../../image/diff/changes.js'
import { changesIn } from '../../image/diff/written-layer.js'
import { ImageError } from '../../image/model/errors.js'
import {
  findWritten,
  type Written,
  writtenIn,
  writtenOfUpper,
} from '../../image/written.js'
import { askStats } from '../../mount/ask-mount.js'
import { driverMountAt } from '../../mount/drivers/find-mounts.js'
import { withWritten } from '../../mount/drivers/with-written.js'
import { textOfAnswer } from '../../bytes/bytes-text.js'
import { asBytes, printLine } from '../output.js'
import { containerNamed } from './container-named.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface DiffFlags extends StoreFlags {
  readonly json?: boolean
}

/** Prints a line for each change; 0. Throws an ImageError or a MountError. */
export async function diff(what: string, flags: DiffFlags): Promise<number> {
  const changes = await changesOf(what, flags)
  if (flags.json === true) printLine(asBytes(JSON.stringify(textOfAnswer(changes))))
  else if (changes.length > 0)
    printLine(changes.map(({ kind, path }) => `${kind} ${path}`).join('\n'))
  return 0
}

async function changesOf(what: string, flags: StoreFlags): Promise<readonly Change[]> {
  const store = await openStore(flags)
  const container = what.includes('/') ? null : containerNamed(store, what)
  if (container !== null) return withWrittenBy(store, container, false, changesIn)
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

function changes(written: Written): Promise<readonly Change[]> {
  return withWritten(written, changesIn)
}
