// The verbs on containers: their names and options, as docker has them.
import { type Command, Option } from 'commander'
import { DRIVER_NAMES } from '../../mount/drivers/driver.js'
import type { CommitFlags } from './commit.js'
import type { Console } from './console.js'
import type { CreateFlags } from './container-flags.js'
import type { CpFlags } from './cp.js'
import type { ExecFlags } from './exec.js'
import type {
  AttachFlags,
  KillFlags,
  RmFlags,
  StartFlags,
  StopFlags,
} from './lifecycle.js'
import type { LogsFlags } from './logs.js'
import type { PsFlags } from './ps.js'
import type { RunFlags } from './run.js'
import type { StoreFlags } from './store-session.js'
import type { Verbs } from './verbs-asked.js'
import type { VolumeFlags } from './volume.js'

type End = (status: number) => void

const ROOT = ['--root <dir>', 'the store'] as const
/** The launcher has seen to it. */
const ALONE = ['--no-daemon', 'without the daemon, also where one runs'] as const
const repeated = (value: string, before: string[] = []): string[] => [...before, value]

/** Adds them to a program. @param end is told the exit status. */
export function addContainerVerbs(program: Verbs, end: End): void {
  addStartingVerbs(program, end, async () => (await import('./console.js')).ownConsole)
  addMaking(program, end)
  addLooking(program, end)
  addRunning(program, end)
  addChanging(program, end)
  addVolumes(program, end)
}

/** The verbs that start containers, which a daemon does for others. */
export function addStartingVerbs(
  program: Verbs,
  end: End,
  console: () => Console | Promise<Console>,
): void {
  makingOptions(program.command('run <image> [command...]'))
    ?.description('run a command in a new container')
    .option('-d, --detach', 'leave it running, print its ID')
    .option(...ALONE)
    .option('--trace-boot', 'print each stage of the start, its time and its memory')
    .action(async (image: string, command: string[], flags: RunFlags) =>
      end(await (await import('./run.js')).run(image, command, flags, await console())),
    )
  program
    .command('start <container...>')
    ?.description('start containers that do not run')
    .option('-a, --attach', 'print what it writes, end as it does')
    .option('-i, --interactive', 'hand over the input')
    .option(...ALONE)
    .option('--trace-boot', 'print each stage of the start, its time and its memory')
    .option('--verify <mode>', 'check the image: quick (default), full or none')
    .option(...ROOT)
    .action(async (names: string[], flags: StartFlags) =>
      end(await (await import('./lifecycle.js')).start(names, flags, await console())),
    )
  program
    .command('restart <container...>')
    ?.description('stop containers and start them again')
    .option('-t, --time <seconds>', 'wait so long before it is ended (default: 10)')
    .option(...ALONE)
    .option(...ROOT)
    .action(async (names: string[], flags: StopFlags) =>
      end(await (await import('./lifecycle.js')).restart(names, flags, await console())),
    )
}

function addMaking(program: Verbs, end: End): void {
  makingOptions(program.command('create <image> [command...]'))
    ?.description('make a container, to be started later')
    .action(async (image: string, command: string[], flags: CreateFlags) =>
      end(await (await import('./run.js')).create(image, command, flags)),
    )
  program
    .command('exec <container> <command...>')
    ?.description('run one more command in a container')
    .passThroughOptions()
    .option('-d, --detach', 'do not wait for it')
    .option('-e, --env <key=value>', 'set an environment variable', repeated)
    .option('-i, --interactive', 'hand over the input')
    .option('-t, --tty', 'with a terminal')
    .option('-u, --user <user>', 'run as USER[:GROUP]')
    .option('-w, --workdir <path>', 'where it runs')
    .option(...ROOT)
    .action(async (name: string, command: string[], flags: ExecFlags) =>
      end(await (await import('./exec.js')).exec(name, command, flags)),
    )
  program
    .command('cp <source> <target>')
    ?.description(
      'copy files between a container (CONTAINER:PATH) and the host; - is a tar',
    )
    .option('-a, --archive', 'owners stay as they are')
    .option('-L, --follow-link', 'copy what the source links to')
    .option('-q, --quiet', 'say nothing')
    .option(...ROOT)
    .action(async (source: string, target: string, flags: CpFlags) =>
      end(await (await import('./cp.js')).cp(source, target, flags)),
    )
  program
    .command('commit <container> [name]')
    ?.description('make an image of a container as it is')
    .option('-a, --author <author>', 'who made it')
    .option('-c, --change <instruction>', "a Dockerfile's instruction", repeated)
    .option('-m, --message <text>', 'the comment in its history')
    .option('-p, --pause', 'freeze the container meanwhile (unless told otherwise)')
    .option('--no-pause', 'let it go on')
    .option(...ROOT)
    .action(async (name: string, image: string | undefined, flags: CommitFlags) =>
      end(await (await import('./commit.js')).commit(name, image, flags)),
    )
}

function addLooking(program: Verbs, end: End): void {
  program
    .command('ps')
    ?.description('list containers')
    .option('-a, --all', 'those too that do not run')
    .option('-f, --filter <filter>', 'name=, status=, label=, ancestor= ...', repeated)
    .option('--format <template>', "table, json, 'table TEMPLATE', or a Go template")
    .option('--json', 'print JSON')
    .option('-n, --last <number>', 'the newest ones, running or not')
    .option('-l, --latest', 'the newest one, running or not')
    .option('--no-trunc', 'whole commands and IDs')
    .option('-q, --quiet', 'print the IDs alone')
    .option(...ROOT)
    .action(async (flags: PsFlags) => end(await (await import('./ps.js')).ps(flags)))
  program
    .command('logs <container>')
    ?.description('print what a container wrote')
    .option('-f, --follow', 'go on until it ends')
    .option('--since <time>', 'from then on (a time, or 10m ago)')
    .option('--until <time>', 'until then')
    .option('-n, --tail <lines>', 'the last ones alone')
    .option('-t, --timestamps', 'with the time of each line')
    .option(...ROOT)
    .action(async (name: string, flags: LogsFlags) =>
      end(await (await import('./logs.js')).logs(name, flags)),
    )
  program
    .command('top <container> [ps-options...]')
    ?.description('list the processes of a container')
    .passThroughOptions()
    .option(...ROOT)
    .action(async (name: string, options: string[], flags: StoreFlags) =>
      end(await (await import('./lifecycle.js')).top(name, options, flags)),
    )
}

function addRunning(program: Verbs, end: End): void {
  program
    .command('stop <container...>')
    ?.description('ask containers to end, then end them')
    .option('-t, --time <seconds>', 'wait so long before it is ended (default: 10)')
    .option(...ROOT)
    .action(async (names: string[], flags: StopFlags) =>
      end(await (await import('./lifecycle.js')).stop(names, flags)),
    )
  program
    .command('kill <container...>')
    ?.description('send a signal to containers')
    .option('-s, --signal <signal>', 'KILL unless told')
    .option(...ROOT)
    .action(async (names: string[], flags: KillFlags) =>
      end(await (await import('./lifecycle.js')).kill(names, flags)),
    )
  program
    .command('attach <container>')
    ?.description('join the input and output of a container (ctrl-p ctrl-q leaves it)')
    .option('--no-stdin', 'not the input')
    .option('--sig-proxy <yes>', 'pass signals on', 'true')
    .option(...ROOT)
    .action(async (name: string, flags: AttachFlags) =>
      end(await (await import('./lifecycle.js')).attach(name, flags)),
    )
}

function addChanging(program: Verbs, end: End): void {
  for (const [verb, what] of [
    ['wait', 'wait until containers have ended, print their statuses'],
    ['pause', 'freeze containers'],
    ['unpause', 'let frozen containers go on'],
  ] as const)
    program
      .command(`${verb} <container...>`)
      ?.description(what)
      .option(...ROOT)
      .action(async (names: string[], flags: StoreFlags) =>
        end(await (await import('./lifecycle.js'))[verb](names, flags)),
      )
  program
    .command('rm <container...>')
    ?.description('remove containers')
    .option('-f, --force', 'those too that run')
    .option('-v, --volumes', 'with their volumes without a name')
    .option(...ROOT)
    .action(async (names: string[], flags: RmFlags) =>
      end(await (await import('./lifecycle.js')).rm(names, flags)),
    )
  program
    .command('rename <container> <name>')
    ?.description('give a container another name')
    .option(...ROOT)
    .action(async (from: string, to: string, flags: StoreFlags) =>
      end(await (await import('./lifecycle.js')).rename(from, to, flags)),
    )
}

function addVolumes(program: Verbs, end: End): void {
  const group = program
    .command('volume')
    ?.description('named volumes: ls, rm, prune')
    .helpCommand(false)
  if (group === undefined) return
  group
    .command('ls')
    .description('list volumes')
    .option('--format <template>', "table, json, 'table TEMPLATE', or a Go template")
    .option('--json', 'print JSON')
    .option('-q, --quiet', 'print the names alone')
    .option(...ROOT)
    .action(async (flags: VolumeFlags) =>
      end(await (await import('./volume.js')).listVolumes(flags)),
    )
  group
    .command('rm <volume...>')
    .description('remove volumes that no container uses')
    .option('-f, --force', 'do not mind what is not there')
    .option(...ROOT)
    .action(async (names: string[], flags: VolumeFlags) =>
      end(await (await import('./volume.js')).removeVolumes(names, flags)),
    )
  group
    .command('prune')
    .description('remove the volumes without a name that no container uses')
    .option('-a, --all', 'the named ones too')
    .option('-f, --force', 'do not ask')
    .option(...ROOT)
    .action(async (flags: VolumeFlags) =>
      end(await (await import('./volume.js')).pruneVolumes(flags)),
    )
}

function makingOptions(verb: Command | undefined): Command | undefined {
  return verb
    ?.passThroughOptions()
    .helpOption('--help')
    .option('--cap-add <capability>', 'give it one more', repeated)
    .option('--cap-drop <capability>', 'take one away; ALL', repeated)
    .option('--cpus <number>', 'as many processors at most')
    .option('--driver <name>', `what shows its root: ${DRIVER_NAMES.join(', ')}`)
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
