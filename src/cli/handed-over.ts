// Command lines that plyfs's launcher hands to a running daemon: which of them the daemon does. The
// launcher does the others by itself; wrong ones too, so that they are told as always.
import { Command, CommanderError } from 'commander'
import { ApiError } from '../daemon/api-error.js'
import {
  type Caller,
  type CommandCall,
  declined,
  type RunCommand,
} from '../daemon/commands.js'
import type { Daemon } from '../daemon/daemon.js'
import { directoriesMount, imageMount, type WhatToMount } from '../daemon/make-mount.js'
import { withoutBooleanValues } from './boolean-words.js'
import { addStartingVerbs } from './commands/container-verbs.js'
import { describeError, statusOf } from './describe-error.js'
import { handedConsole } from './handed-console.js'
import { howCalled } from './how-called.js'
import { parseMountVerb } from './mount-verb.js'
import { mustBeStoreOf } from './store-of-daemon.js'
import { UsageError } from './usage-error.js'

const STARTING: readonly (string | undefined)[] = ['run', 'start', 'restart']

/** What the daemon does of them. */
export function handedOver(daemon: Daemon): RunCommand {
  return (call, caller) =>
    finished(caller, () => {
      const { kind, args } = howCalled(call.name, call.words)
      if (kind === 'mount-verb') return mount(daemon, args, call, caller)
      if (kind === 'verb' && STARTING.includes(args[0]))
        return startContainers(daemon, args, call, caller)
      throw declined(`${call.words[0] ?? ''} is not handed over`)
    })
}

/** The work's status, or that of its error, which is told. Throws what is declined. */
async function finished(caller: Caller, work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ApiError) throw error
    if (error instanceof UsageError || error instanceof CommanderError)
      throw declined(error.message)
    caller.complain(`${describeError(error)}\n`)
    return statusOf(error)
  }
}

async function startContainers(
  daemon: Daemon,
  args: readonly string[],
  call: CommandCall,
  caller: Caller,
): Promise<number> {
  let status = 0
  const console = handedConsole(daemon, call, caller)
  const program = new Command('plyfs').helpCommand(false).enablePositionalOptions()
  addStartingVerbs(
    program,
    ended => (status = ended),
    () => console,
  )
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({
      writeOut: () => undefined,
      writeErr: () => undefined,
    })
  await program.parseAsync(withoutBooleanValues(program, args), { from: 'user' })
  return status
}

async function mount(
  daemon: Daemon,
  args: readonly string[],
  call: CommandCall,
  caller: Caller,
): Promise<number> {
  const { shown, make } = whatToMount(daemon, args, call, caller)
  await daemon.mounts.make(shown, make, call.signal)
  return 0
}

function whatToMount(
  daemon: Daemon,
  args: readonly string[],
  call: CommandCall,
  caller: Caller,
): WhatToMount {
  const command = parseMountVerb(args)
  if (command === 'help' || command.foreground || command.debug)
    throw declined('it stays in the foreground')
  if (command.options.some(text => /(^|,)(remount|debug|transport)\b/.test(text)))
    throw declined('it is no mount in the background')
  const { env, cwd } = call
  if (command.form !== 'image') {
    return directoriesMount(command, env, cwd, line => {
      caller.complain(`${line}\n`)
    })
  }
  if (command.driver !== 'plyfs' && command.driver !== 'aufs')
    throw declined('the kernel serves it')
  mustBeStoreOf(daemon.store, command.root ?? undefined, call)
  return imageMount(daemon.store, command, env, cwd)
}
