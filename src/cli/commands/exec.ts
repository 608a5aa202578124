// `plyfs exec`: a further command in a container that runs.
import { ContainerError } from '../../container/container-error.js'
import { execIn } from '../../container/exec.js'
import { openContainers } from './lifecycle.js'
import type { StoreFlags } from './store-session.js'

export interface ExecFlags extends StoreFlags {
  readonly detach?: boolean
  readonly env?: readonly string[]
  readonly interactive?: boolean
  readonly tty?: boolean
  readonly user?: string
  readonly workdir?: string
}

/** The command's status. */
export async function exec(
  name: string,
  command: readonly string[],
  flags: ExecFlags,
): Promise<number> {
  if (flags.tty === true && flags.interactive === true && !process.stdin.isTTY)
    throw new ContainerError('the input device is not a TTY: leave -t out')
  const container = (await openContainers(flags)).find(name)
  return execIn(container, {
    command,
    env: flags.env ?? [],
    input: flags.interactive === true,
    terminal: flags.tty === true,
    detach: flags.detach === true,
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(flags.workdir === undefined ? {} : { directory: flags.workdir }),
  })
}
