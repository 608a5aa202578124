// `plyfs export IMAGE|NAME`: a whole root filesystem as one tar; with a writable layer's name, that
// of its image as the layer changed it.
import { exportedRoot, type WrittenRoot } from '../../image/export.js'
import { ImageError } from '../../image/model/errors.js'
import { compressionOfName } from '../../image/save.js'
import { findWritten } from '../../image/written.js'
import { isWholeTree, withTree } from '../../mount/drivers/with-tree.js'
import { showProgress } from '../progress.js'
import { toFile, toStandardOutput } from '../write-stream.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface ExportFlags extends StoreFlags {
  readonly output?: string
}

/** 0. A writable layer goes before an image of the same name. Throws an ImageError. */
export async function exportRoot(what: string, flags: ExportFlags): Promise<number> {
  const { output } = flags
  if (output === undefined && process.stdout.isTTY)
    throw new ImageError('invalid', 'cowardly refusing to export to a terminal: use -o')
  const store = await openStore(flags)
  const named = findWritten(store, what)
  const image = named?.image ?? store.resolve(what)
  const compression = compressionOfName(output ?? '')
  const progress = showProgress(true)
  // Nothing of the image is removed meanwhile.
  await store.whileAdding(async () => {
    const write = async (written: WrittenRoot | null): Promise<void> => {
      const bytes = await exportedRoot(store, image, written, compression, progress)
      await (output === undefined ? toStandardOutput(bytes) : toFile(bytes, output))
    }
    if (named === null || !isWholeTree(named.kind)) await write(named)
    else
      await withTree(store.place.root, named.name, named.kind, tree =>
        write({ tree, format: named.format }),
      )
  })
  return 0
}
