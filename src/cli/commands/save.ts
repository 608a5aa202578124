// `plyfs save [-o FILE] IMAGE...`: images as an archive.
import { ImageError } from '../../image/model/errors.js'
import {
  type Compression,
  compressionOfName,
  saveArchive,
  saveFolder,
  type SaveFormat,
} from '../../image/save.js'
import { showProgress } from '../progress.js'
import { toFile, toStandardOutput } from '../write-stream.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface SaveFlags extends StoreFlags {
  readonly output?: string
  readonly format?: string
  readonly compress?: string
  readonly quiet?: boolean
}

/** 0. Throws an ImageError; a file that was begun is removed. */
export async function save(images: readonly string[], flags: SaveFlags): Promise<number> {
  const { output } = flags
  const format = formatOf(flags.format ?? 'docker-archive')
  const compression = compressionOf(flags, output)
  if (output === undefined && process.stdout.isTTY)
    throw new ImageError('invalid', 'cowardly refusing to save to a terminal: use -o')
  const store = await openStore(flags)
  const progress = showProgress(flags.quiet === true || output === undefined)
  try {
    if (format === 'oci-dir') {
      if (output === undefined) throw new ImageError('invalid', 'oci-dir needs -o FOLDER')
      await store.whileAdding(() => saveFolder(store, images, output, progress))
      return 0
    }
    await store.whileAdding(() => {
      const bytes = saveArchive(store, images, format, compression, progress)
      return output === undefined ? toStandardOutput(bytes) : toFile(bytes, output)
    })
    return 0
  } finally {
    progress.close()
  }
}

function formatOf(text: string): SaveFormat {
  if (text === 'docker-archive' || text === 'oci-archive' || text === 'oci-dir')
    return text
  throw new ImageError(
    'invalid',
    `--format ${text}: write docker-archive, oci-archive or oci-dir`,
  )
}

function compressionOf({ compress }: SaveFlags, output: string | undefined): Compression {
  if (compress === undefined) return compressionOfName(output ?? '')
  if (compress === 'none' || compress === 'gzip' || compress === 'zstd') return compress
  throw new ImageError('invalid', `--compress ${compress}: write none, gzip or zstd`)
}
