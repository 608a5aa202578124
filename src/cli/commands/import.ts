// `plyfs import FILE|- [-c CHANGE]... [NAME]`: the tar of a root filesystem as an image.
import * as fs from 'node:fs'
import { importImage } from '../../image/import.js'
import { ImageError } from '../../image/model/errors.js'
import { parsePlatform } from '../../image/model/platform.js'
import { parseReference } from '../../image/model/reference.js'
import { fileSource } from '../../image/store/file-source.js'
import { recordImages } from '../../mount/record-images.js'
import { printLine } from '../output.js'
import { showProgress } from '../progress.js'
import { openStore, type StoreFlags, tellWaiting } from './store-session.js'

export interface ImportFlags extends StoreFlags {
  readonly change?: readonly string[]
  readonly message?: string
  readonly platform?: string
  readonly quiet?: boolean
}

/** Prints the image's ID; 0. Throws an ImageError. */
export async function importArchive(
  file: string,
  name: string | undefined,
  flags: ImportFlags,
): Promise<number> {
  const { message, platform } = flags
  const reference = name === undefined ? null : parseReference(name)
  if (reference?.digest !== undefined)
    throw new ImageError('invalid', `${name ?? ''}: a new name has no digest`)
  if (file !== '-' && !fs.existsSync(Buffer.from(file, 'latin1')))
    throw new ImageError('not-found', `${file}: there is no such file`)
  const store = await openStore(flags)
  const progress = showProgress(flags.quiet === true)
  try {
    const source = file === '-' ? process.stdin : fileSource(file)
    const record = await importImage(store, source, reference, {
      changes: (flags.change ?? []).map(textOf),
      from: textOf(file),
      progress,
      onWait: tellWaiting,
      ...(message === undefined ? {} : { message: textOf(message) }),
      ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
    })
    await recordImages(store, [record], process.env)
    progress.close()
    printLine(record.id)
  } finally {
    progress.close()
  }
  return 0
}

/** Arguments are bytes; what goes into a config is text. */
function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
