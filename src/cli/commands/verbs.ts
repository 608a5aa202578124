// All verbs but `mount` under one roof: argv to verb to exit status.
import { Command, CommanderError } from 'commander'
import { VERSION } from '../../mount/version.js'
import { MOUNT_HELP } from '../help.js'
import { withoutBooleanValues } from '../boolean-words.js'
import { asBytes, printError, printLine } from '../output.js'
import { addContainerVerbs } from './container-verbs.js'
import { addDaemonVerbs } from './daemon-verbs.js'
import { addImageVerbs } from './image-verbs.js'
import { addRegistryVerbs } from './registry-verbs.js'
import { addRootVerbs } from './root-verbs.js'
import { verbsAsked } from './verbs-asked.js'

/** Runs a verb; returns the exit status. Throws what the verb throws. */
export async function runVerb(args: readonly string[]): Promise<number> {
  let status = 0
  const program = programFor(args[0], ended => (status = ended))
  try {
    if (args.length === 0) program.help({ error: true })
    await program.parseAsync(withoutBooleanValues(program, args), { from: 'user' })
  } catch (error) {
    // Commander has printed its message, or the help that was asked for (exit code 0).
    if (error instanceof CommanderError) return error.exitCode
    throw error
  }
  return status
}

/** With the verb that is asked for alone, where that is one and not `help`. */
function programFor(asked: string | undefined, end: (status: number) => void): Command {
  if (asked !== undefined && asked !== 'help') {
    const program = build(asked, end)
    if (program.commands.length > 0) return program
  }
  return build(null, end)
}

function build(asked: string | null, end: (status: number) => void): Command {
  const program = quiet(new Command('plyfs'))
    .description('A union filesystem for Linux over FUSE.')
    .helpCommand(false)
    .enablePositionalOptions()
  const verbs = verbsAsked(program, asked)
  verbs.command('mount')?.description('mount a union of directories')
  verbs
    .command('umount <dir...>')
    ?.alias('unmount')
    .description('end mounts')
    .option('-l, --lazy', 'take it out of sight now, end it when nobody uses it')
    .action(async (dirs: string[], options: { lazy?: boolean }) =>
      end((await import('./umount.js')).umount(dirs, options)),
    )
  verbs
    .command('which <path...>')
    ?.description(
      'say which layer a name comes from, and why; status 1 when it is absent',
    )
    .option('--json', 'print JSON, a line for each path')
    .action(async (paths: string[], options: { json?: boolean }) =>
      end(await (await import('./which.js')).which(paths, options)),
    )
  verbs
    .command('stats <dir>')
    ?.description('print live figures of a mount')
    .option('--json', 'print JSON')
    .action(async (dir: string, options: { json?: boolean }) =>
      end((await import('./stats.js')).stats(dir, options)),
    )
  addImageVerbs(verbs, end)
  addContainerVerbs(verbs, end)
  addRootVerbs(verbs, end)
  addRegistryVerbs(verbs, end)
  addDaemonVerbs(verbs, end)
  verbs
    .command('version')
    ?.description('print the version')
    .action(() => printLine(`plyfs ${VERSION}`))
  verbs
    .command('help [verb]')
    ?.description('print help, also of one verb')
    .action((verb: string | undefined) => printHelp(program, verb))
  quietAll(program)
  return program
}

/** A verb may have verbs below it. */
function quietAll(program: Command): void {
  for (const command of program.commands) quietAll(quiet(command))
}

/** Prints bytes, and ends the process nowhere. */
function quiet(command: Command): Command {
  return command
    .exitOverride()
    .showSuggestionAfterError(false)
    .configureOutput({
      writeOut: text => printLine(asBytes(text.trimEnd())),
      // Words of the caller's in a message are bytes already; the rest is ASCII.
      writeErr: text => printError(text.trimEnd()),
      outputError: (text, write) =>
        write(
          `${text.trimEnd().replace(/^error: /, 'plyfs: ')}; 'plyfs help' says how it is called`,
        ),
    })
}

function printHelp(program: Command, verb: string | undefined): void {
  if (verb === 'mount') {
    printLine(MOUNT_HELP)
    return
  }
  const found = program.commands.find(
    command => command.name() === verb || command.aliases().includes(verb ?? ''),
  )
  if (found !== undefined) found.outputHelp()
  else if (verb === undefined) program.outputHelp()
  else program.error(`error: there is no verb '${verb}'`)
}
