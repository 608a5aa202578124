// `daemon`, and what is asked of one that runs.
import type { Command } from 'commander'
import type { DaemonFlags, StopDaemonFlags } from './daemon.js'
import type { Verbs } from './verbs-asked.js'

type End = (status: number) => void

const SOCKET = ['--socket <path>', 'the socket (PLYFS_HOST)'] as const

/** Adds them to a program. @param end is told the exit status. */
export function addDaemonVerbs(program: Verbs, end: End): void {
  const group = program
    .command('daemon')
    ?.description('serve mounts and containers for the commands of a user')
    .helpCommand(false)
    .option('--root <dir>', 'the store')
    .option(...SOCKET)
    .action(async (flags: DaemonFlags) =>
      end(await (await import('./daemon.js')).runDaemon(flags)),
    )
  if (group === undefined) return
  group
    .command('stop')
    .description('have it end, and its mounts; not while its containers run')
    .option('-f, --force', 'then too: they end')
    .option(...SOCKET)
    .action(async (_flags: StopDaemonFlags, verb: Command) =>
      end(await (await import('./daemon.js')).stopDaemon(verb.optsWithGlobals())),
    )
  group
    .command('restart')
    .description('stop it, and serve in its place; not while its containers run')
    .option('-f, --force', 'then too: they end')
    .option('--root <dir>', 'the store')
    .option(...SOCKET)
    .action(async (_flags: StopDaemonFlags, verb: Command) =>
      end(await (await import('./daemon.js')).restartDaemon(verb.optsWithGlobals())),
    )
  group
    .command('status')
    .description('say what it serves, as JSON')
    .option(...SOCKET)
    .action(async (_flags: DaemonFlags, verb: Command) =>
      end(await (await import('./daemon.js')).daemonStatus(verb.optsWithGlobals())),
    )
}
