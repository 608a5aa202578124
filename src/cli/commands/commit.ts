// `plyfs commit`: an image of a container as it is.
import { commitContainer } from '../../container/commit.js'
import { thawAll } from '../../container/freeze.js'
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
  const listened = thawAtSignals()
  try {
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
  } finally {
    listened.end()
  }
}

/** Who interrupts a commit finds the container as it was; the process ends by the signal then. */
function thawAtSignals(): { end(): void } {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  const end = (): void => {
    for (const name of names) process.off(name, stop)
  }
  const stop = (name: NodeJS.Signals): void => {
    end()
    try {
      thawAll()
    } finally {
      process.kill(process.pid, name)
    }
  }
  for (const name of names) process.on(name, stop)
  return { end }
}

/** Arguments are bytes; what goes into a config is text. */
function textOf(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
