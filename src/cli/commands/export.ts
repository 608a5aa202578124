// `plyfs export CONTAINER|NAME|IMAGE`: a whole root filesystem as one tar; of a container, or with a
// writable layer's name, that of its image as it was changed.
import { withWrittenBy } from '../../container/written-by.js'
import type { WrittenLayer } from '../../image/diff/written-layer.js'
import { exportedRoot } from '../../image/export.js'
import { ImageError } from '../../image/model/errors.js'
import { compressionOfName } from '../../image/save.js'
import { findWritten } from '../../image/written.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'
import { withWritten } from '../../mount/drivers/with-written.js'
import { showProgress } from '../progress.js'
import { toFile, toStandardOutput } from '../write-stream.js'
import { containerNamed } from './container-named.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface ExportFlags extends StoreFlags {
  readonly output?: string
}

/** 0. A container goes before a writable layer, and that before an image. Throws an ImageError. */
export async function exportRoot(what: string, flags: ExportFlags): Promise<number> {
  const { output } = flags
  if (output === undefined && process.stdout.isTTY)
    throw new ImageError('invalid', 'cowardly refusing to export to a terminal: use -o')
  const store = await openStore(flags)
  const compression = compressionOfName(output ?? '')
  const progress = showProgress(true)
  // Nothing of the image is removed meanwhile.
  await store.whileAdding(() =>
    withRoot(store, what, async (image, written) => {
      const bytes = await exportedRoot(store, image, written, compression, progress)
      await (output === undefined ? toStandardOutput(bytes) : toFile(bytes, output))
    }),
  )
  return 0
}

async function withRoot(
  store: Store,
  what: string,
  write: (image: ImageRecord, written: WrittenLayer | null) => Promise<void>,
): Promise<void> {
  const container = containerNamed(store, what)
  if (container !== null) {
    const image = store.resolve(container.record.image)
    return withWrittenBy(store, container, false, layer => write(image, layer))
  }
  const named = findWritten(store, what)
  if (named === null) return write(store.resolve(what), null)
  return withWritten(named, layer => write(named.image, layer))
}
