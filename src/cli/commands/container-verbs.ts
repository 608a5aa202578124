// The verbs on containers: their names and options, as docker has them.
import { type Command, Option } from 'commander'
import { create, run, type RunFlags } from './run.js'
import type { CreateFlags } from './container-flags.js'

type End = (status: number) => void

const ROOT = ['--root <dir>', 'the store'] as const
const repeated = (value: string, before: string[] = []): string[] => [...before, value]

/** Adds them to a program. @param end is told the exit status. */
export function addContainerVerbs(program: Command, end: End): void {
  makingOptions(program.command('run <image> [command...]'))
    .description('run a command in a new container')
    .option('-d, --detach', 'leave it running, print its ID')
    .option('--trace-boot', 'print each stage of the start, its time and its memory')
    .action(async (image: string, command: string[], flags: RunFlags) =>
      end(await run(image, command, flags)),
    )
  makingOptions(program.command('create <image> [command...]'))
    .description('make a container, to be started later')
    .action(async (image: string, command: string[], flags: CreateFlags) =>
      end(await create(image, command, flags)),
    )
}

function makingOptions(verb: Command): Command {
  return verb
    .passThroughOptions()
    .helpOption('--help')
    .option('--cap-add <capability>', 'give it one more', repeated)
    .option('--cap-drop <capability>', 'take one away; ALL', repeated)
    .option('--cpus <number>', 'as many processors at most')
    .option('--entrypoint <program>', "in place of the image's")
    .option('-e, --env <key=value>', 'set an environment variable', repeated)
    .option('--env-file <file>', 'set those of a file', repeated)
    .option('-h, --hostname <name>', "the container's host name")
    .option('-i, --interactive', 'keep its input open')
    .option('-l, --label <key=value>', 'set a label', repeated)
    .option('-m, --memory <bytes>', 'as much memory at most (512m, 1g)')
    .option('--name <name>', 'what it is called')
    .option('--network <network>', 'none (default) or host')
    .option('--platform <os/arch>', 'the image has to be for it')
    .addOption(new Option('-p, --publish <port>').argParser(repeated).hideHelp())
    .option('--read-only', 'nothing of its root can be written')
    .option('--rm', 'remove it when it has ended')
    .option('--runtime <program>', 'the OCI runtime: runc, crun or a path')
    .option('--stop-signal <signal>', "in place of the image's")
    .option('--tmpfs <path>', 'mount memory there (/PATH[:OPTIONS])', repeated)
    .option('-t, --tty', 'with a terminal')
    .option('-u, --user <user>', 'run as USER[:GROUP]')
    .option('--verify <mode>', 'check the image: quick (default), full or none')
    .option('-v, --volume <volume>', 'mount NAME:/PATH or /FOLDER:/PATH[:ro]', repeated)
    .option('-w, --workdir <path>', 'where the command runs')
    .option(...ROOT)
}
