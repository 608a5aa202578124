// Where a verb that starts containers is called from: this process's own terminal, or a caller who has
// handed the command over to the daemon.
import type { MonitorClient } from '../../container/monitor-client.js'
import type { Container } from '../../container/containers.js'
import type { RootServer } from '../../container/root-server.js'
import type { Store } from '../../image/store/store.js'
import { printError, printLine } from '../output.js'
import { attachStreams, type Attached, type AttachOptions } from './attach-streams.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface Console {
  readonly env: Readonly<Record<string, string | undefined>>
  /** What relative paths are relative to, bytes; null is this process's directory. */
  readonly cwd: string | null
  /** Whether its standard input, and its standard error, are terminals. */
  readonly inputIsTerminal: boolean
  readonly errorIsTerminal: boolean
  /** Who serves the containers' roots; null is a process for each. */
  readonly rootServer: RootServer | null
  print(line: string): void
  complain(line: string): void
  openStore(flags: StoreFlags): Promise<Store>
  /** Joins it with a container before that runs. */
  attach(client: MonitorClient, container: Container, options: AttachOptions): Joined
}

export interface Joined extends Attached {
  /** 'left': it tells the container's monitor itself to go on. */
  readonly go: 'goes' | 'left'
}

/** That of this process. */
export const ownConsole: Console = {
  env: process.env,
  cwd: null,
  inputIsTerminal: process.stdin.isTTY,
  errorIsTerminal: process.stderr.isTTY,
  rootServer: null,
  print: printLine,
  complain: printError,
  openStore,
  attach: (client, _container, options) => ({
    ...attachStreams(client, options),
    go: 'goes',
  }),
}
