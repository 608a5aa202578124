// Command lines that plyfs's launcher hands to a running daemon: which of them the daemon does. The
// launcher does the others by itself; wrong ones too, so that they are told as always.
import * as fs from 'node:fs'
import { homedir } from 'node:os'
import {
  type Caller,
  type CommandCall,
  declined,
  type RunCommand,
} from '../daemon/commands.js'
import type { Daemon } from '../daemon/daemon.js'
import { directoriesMount, imageMount, type WhatToMount } from '../daemon/make-mount.js'
import { nodePath } from '../image/store/store-place.js'
import { defaultRoot } from '../image/store/store-root.js'
import type { Store } from '../image/store/store.js'
import { describeError, statusOf } from './describe-error.js'
import { howCalled } from './how-called.js'
import { parseMountVerb } from './mount-verb.js'
import { UsageError } from './usage-error.js'

/** What the daemon does of them. */
export function handedOver(daemon: Daemon): RunCommand {
  return async (call, caller) => {
    const asked = howCalled(call.name, call.words)
    if (asked.kind !== 'mount-verb')
      throw declined(`${call.words[0] ?? ''} is not handed over`)
    const what = whatToMount(daemon, asked.args, call, caller)
    return finished(caller, async () => {
      await daemon.mounts.make(what.shown, what.make, call.signal)
      return 0
    })
  }
}

/** The work's status, or that of its error, which is told. */
async function finished(caller: Caller, work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    caller.complain(`${describeError(error)}\n`)
    return statusOf(error)
  }
}

function whatToMount(
  daemon: Daemon,
  args: readonly string[],
  call: CommandCall,
  caller: Caller,
): WhatToMount {
  const command = parsed(() => parseMountVerb(args))
  if (command === 'help' || command.foreground || command.debug)
    throw declined('it stays in the foreground')
  const { env, cwd } = call
  if (command.form !== 'image') {
    if (command.options.some(text => /(^|,)(remount|debug)\b/.test(text)))
      throw declined('it is no mount in the background')
    return directoriesMount(command, env, cwd, line => {
      caller.complain(`${line}\n`)
    })
  }
  if (command.driver !== 'plyfs' && command.driver !== 'aufs')
    throw declined('the kernel serves it')
  mustBeStoreOf(daemon.store, command.root ?? undefined, call)
  return imageMount(daemon.store, command, env, cwd)
}

/** Arguments that are wrong are told by who goes on with them. */
function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof UsageError) throw declined(error.message)
    throw error
  }
}

function mustBeStoreOf(store: Store, asked: string | undefined, call: CommandCall): void {
  const { env, cwd } = call
  const home = env['HOME'] ?? homedir()
  const root = asked ?? defaultRoot(process.geteuid?.(), env, home)
  const path = root.startsWith('/') ? root : `${cwd}/${root}`
  const [one, other] = [path, store.place.root].map(folder =>
    fs.statSync(nodePath(folder), { bigint: true, throwIfNoEntry: false }),
  )
  if (one === undefined || one.ino !== other?.ino || one.dev !== other.dev)
    throw declined('it is about another store')
}
