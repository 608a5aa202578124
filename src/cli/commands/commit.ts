// `plyfs commit`: an image of a container as it is.
import { commitContainer } from '../../container/commit.js'
import { ImageError } from '../../image/model/errors.js'
import { parseReference } from '../../image/model/reference.js'
import { printLine } from '../output.js'
import { showProgress } from '../progress.js'
import { openContainers } from './lifecycle.js'
import { type StoreFlags, tellWaiting } from './store-session.js'

export interface CommitFlags extends StoreFlags {
  readonly author?: string
  readonly change?: readonly string[]
  readonly message?: string
  readonly pause?: boolean
}

/** Prints the image's ID; 0. */
export async function commit(
  container: string,
  name: string | undefined,
  flags: CommitFlags,
): Promise<number> {
  const reference = name === undefined ? null : parseReference(name)
  if (reference?.digest !== undefined)
    throw new ImageError('invalid', `${name ?? ''}: a new name has no digest`)
  const containers = await openContainers(flags)
  const { author, message } = flags
  const image = await commitContainer(
    containers,
    containers.find(container),
    {
      pause: flags.pause !== false,
      changes: (flags.change ?? []).map(textOf),
      name: reference,
      onWait: tellWaiting,
      ...(author === undefined ? {} : { author: textOf(author) }),
      ...(message === undefined ? {} : { message: textOf(message) }),
    },
    showProgress(true),
  )
  printLine(image.id)
  return 0
}

/** Arguments are bytes; what goes into a config is text. */
function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
