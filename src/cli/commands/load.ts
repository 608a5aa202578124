// `plyfs load [-i FILE]`: images from an archive, or from the folder of an OCI layout.
import * as fs from 'node:fs'
import { loadPath, loadStream, type LoadedImage } from '../../image/load.js'
import { ImageError } from '../../image/model/errors.js'
import { parsePlatform } from '../../image/model/platform.js'
import { familiarName, parseReference } from '../../image/model/reference.js'
import type { LateThread } from '../../image/store/store-thread-client.js'
import { recordingThread, TreeRecorder } from '../../mount/record-images.js'
import { printLine } from '../output.js'
import { showProgress } from '../progress.js'
import { openStore, type StoreFlags, tellWaiting } from './store-session.js'

export interface LoadFlags extends StoreFlags {
  readonly input?: string
  readonly quiet?: boolean
  readonly platform?: string
}

/** Prints what was loaded; 0. Throws an ImageError. */
export async function load(flags: LoadFlags): Promise<number> {
  const { input } = flags
  if (input === undefined && process.stdin.isTTY)
    throw new ImageError('invalid', 'load reads an archive: use -i, or standard input')
  // It starts beside all that comes before it is needed.
  const thread = recordingThread()
  thread.start()
  try {
    return await loadOn(thread, flags)
  } finally {
    await thread.end()
  }
}

async function loadOn(thread: LateThread, flags: LoadFlags): Promise<number> {
  const { input, platform } = flags
  const store = await openStore(flags)
  const progress = showProgress(flags.quiet === true)
  const options = {
    progress,
    thread,
    onWait: tellWaiting,
    recorder: new TreeRecorder(thread, process.env),
    ...(platform === undefined ? {} : { platform: parsePlatform(platform) }),
  }
  try {
    const loaded =
      input === undefined || input === '-'
        ? await loadStream(store, process.stdin, options)
        : await loadPath(store, mustExist(input), options)
    progress.close()
    loaded.forEach(tell)
  } finally {
    progress.close()
  }
  return 0
}

function mustExist(path: string): string {
  if (fs.existsSync(Buffer.from(path, 'latin1'))) return path
  throw new ImageError('not-found', `${path}: there is no such file`)
}

function tell({ record, names, moved }: LoadedImage): void {
  for (const { name, from } of moved)
    printLine(
      `The image ${shown(name)} already exists, renaming the old one with ID ${from} to empty string`,
    )
  if (names.length === 0) printLine(`Loaded image ID: ${record.id}`)
  for (const name of names) printLine(`Loaded image: ${shown(name)}`)
}

function shown(name: string): string {
  return familiarName(parseReference(name))
}
