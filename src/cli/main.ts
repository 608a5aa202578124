// The command: argv to what it asks for to exit status, and the only process.exit. The mount forms
// begin little, since a mount is started for every container; the rest is begun when it is asked
// for. All of it is in one file in the bundle: nothing is loaded after a mount, which may hide it.
import { startThread } from '../mount/start-thread.js'
import { VERSION } from '../mount/version.js'
import { rawArguments } from './arguments.js'
import { describeError, statusOf } from './describe-error.js'
import { dropInHelp, MOUNT_HELP } from './help.js'
import { howCalled, type Call } from './how-called.js'
import { parseHelper } from './mount-helper.js'
import { parseMountVerb } from './mount-verb.js'
import { printError, printLine } from './output.js'
import { parseDropIn } from './overlayfs.js'
import { allWritten } from './standard-streams.js'
import { UsageError } from './usage-error.js'

void command()

async function command(): Promise<void> {
  const status = await main()
  await allWritten()
  process.exit(status)
}

async function main(): Promise<number> {
  const call = howCalled(process.env['PLYFS_ARGV0'] ?? 'plyfs', rawArguments())
  try {
    return await run(call)
  } catch (error) {
    printError(describe(error, call))
    return statusOf(error)
  }
}

async function run(call: Call): Promise<number> {
  if (call.kind === 'verb')
    return (await import('./commands/verbs.js')).runVerb(call.args)
  if (call.kind === 'container-server')
    return (await import('./commands/container-serve.js')).serveContainer(
      call.args,
      process.env,
    )
  if (call.kind === 'mount-verb') {
    const command = parseMountVerb(call.args)
    if (command === 'help') return print(MOUNT_HELP)
    const thread = startThread()
    if (command.form === 'image')
      return (await import('./commands/mount-image.js')).mountImageNamed(
        command,
        thread,
        process.env,
      )
    return (await import('./commands/mount.js')).mount(command, thread, process.env)
  }
  if (call.kind === 'mount-helper') {
    const { command, fake } = parseHelper(call.args)
    const thread = startThread()
    return (await import('./commands/mount.js')).mount(command, thread, process.env, fake)
  }
  const command = parseDropIn(call.args, call.program)
  if (command === 'help') return print(dropInHelp(call.program))
  if (command === 'version') return print(versionOf(call.program))
  const thread = startThread()
  return (await import('./commands/mount.js')).mount(command, thread, process.env)
}

function print(text: string): number {
  printLine(text)
  return 0
}

/** Callers read the first line of `fuse-overlayfs --version`. */
function versionOf(program: string): string {
  return program === 'plyfs'
    ? `plyfs ${VERSION}`
    : `fuse-overlayfs: version ${VERSION}\nplyfs ${VERSION}`
}

function describe(error: unknown, call: Call): string {
  if (!(error instanceof UsageError)) return describeError(error)
  const help = call.kind === 'drop-in' ? `${call.program} --help` : 'plyfs help mount'
  return `plyfs: ${error.message}; '${help}' says how it is called`
}
