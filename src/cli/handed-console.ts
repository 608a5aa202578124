// The console of a command that was handed over to the daemon: its caller is elsewhere, and joins the
// container by itself.
import type { Caller, CommandCall } from '../daemon/commands.js'
import type { Daemon } from '../daemon/daemon.js'
import type { Attached } from './commands/attach-streams.js'
import type { Console } from './commands/console.js'
import type { MonitorClient } from '../container/monitor-client.js'
import { mustBeStoreOf } from './store-of-daemon.js'

export function handedConsole(
  daemon: Daemon,
  call: CommandCall,
  caller: Caller,
): Console {
  return {
    env: call.env,
    cwd: call.cwd,
    inputIsTerminal: call.terminals[0],
    errorIsTerminal: call.terminals[2],
    rootServer: daemon.roots.serve,
    print: line => {
      caller.print(`${line}\n`)
    },
    complain: line => {
      caller.complain(`${line}\n`)
    },
    openStore: flags => {
      mustBeStoreOf(daemon.store, flags.root, call)
      return Promise.resolve(daemon.store)
    },
    attach: (client, { folder }, { input, terminal }) => {
      const letters = `g${input ? 'i' : ''}${terminal ? 't' : ''}`
      caller.join(folder, letters)
      return { ...followed(client, call.signal), go: 'left' }
    },
  }
}

/** A caller who goes before it has said "go" takes the start back with it. */
function followed(client: MonitorClient, signal: AbortSignal): Attached {
  let hasStarted = false
  client.on('stage', ({ stage }) => {
    if (stage === 'hand-over') hasStarted = true
  })
  const ended = new Promise<number | null>(resolve => {
    client.once('exit', resolve)
    client.once('end', () => {
      resolve(null)
    })
    const gone = (): void => {
      if (!hasStarted) client.close()
      resolve(null)
    }
    if (signal.aborted) gone()
    signal.addEventListener('abort', gone, { once: true })
  })
  return { ended, restore: () => undefined }
}
