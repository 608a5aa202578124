// The verbs on images of the store: their names and options, as docker has them. Each is also there
// below `image`.
import type { FsckFlags, GcFlags } from './care.js'
import type { HistoryFlags } from './history.js'
import type { ImagesFlags } from './images.js'
import type { ImportFlags } from './import.js'
import type { InspectFlags } from './inspect.js'
import type { LoadFlags } from './load.js'
import type { PruneFlags, RmiFlags } from './rmi.js'
import type { SaveFlags } from './save.js'
import type { StoreFlags } from './store-session.js'
import type { Verbs } from './verbs-asked.js'
import type {
  WritableListFlags,
  WritablePruneFlags,
  WritableRemoveFlags,
} from './writable.js'

type End = (status: number) => void

const ROOT = ['--root <dir>', 'the store'] as const
const repeated = (value: string, before: string[] = []): string[] => [...before, value]

/** Adds them to a program. @param end is told the exit status. */
export function addImageVerbs(program: Verbs, end: End): void {
  addMoving(program, end)
  addLooking(program, end, 'images')
  addRemoving(program, end, 'rmi')
  addCare(program, end)
  addWritable(program, end)
  const group = program
    .command('image')
    ?.description('the same verbs, and prune')
    .helpCommand(false)
  if (group === undefined) return
  addMoving(group, end)
  addLooking(group, end, 'ls')
  addRemoving(group, end, 'rm')
  group
    .command('prune')
    .description('remove untagged images')
    .option('-a, --all', 'all images that no container and no mount uses')
    .option('-f, --force', 'do not ask')
    .option('--filter <filter>', 'until=TIME, label=KEY[=VALUE] ...', repeated)
    .option(...ROOT)
    .action(async (flags: PruneFlags) =>
      end(await (await import('./rmi.js')).prune(flags)),
    )
}

function addWritable(program: Verbs, end: End): void {
  const group = program
    .command('writable')
    ?.description("writable layers that 'mount --rw=NAME' has left")
    .helpCommand(false)
  if (group === undefined) return
  group
    .command('ls')
    .description('list them, with their images and mounts')
    .option('--format <template>', "table, json, 'table TEMPLATE', or a Go template")
    .option('--json', 'print JSON')
    .option('-q, --quiet', 'print the names alone')
    .option(...ROOT)
    .action(async (flags: WritableListFlags) =>
      end(await (await import('./writable.js')).listWritable(flags)),
    )
  group
    .command('rm <name...>')
    .description('remove some that are not mounted')
    .option('-f, --force', 'do not mind what is not there')
    .option(...ROOT)
    .action(async (names: string[], flags: WritableRemoveFlags) =>
      end(await (await import('./writable.js')).removeWritable(names, flags)),
    )
  group
    .command('prune')
    .description('remove those whose image is gone')
    .option('-a, --all', 'all that are not mounted')
    .option('-f, --force', 'do not ask')
    .option(...ROOT)
    .action(async (flags: WritablePruneFlags) =>
      end(await (await import('./writable.js')).pruneWritable(flags)),
    )
}

function addMoving(program: Verbs, end: End): void {
  program
    .command('load')
    ?.description('load images from an archive, or from the folder of an OCI layout')
    .option('-i, --input <file>', 'read it from there, not from standard input')
    .option('--platform <os/arch>', "of an image for several; this machine's by default")
    .option('-q, --quiet', 'no progress')
    .option(...ROOT)
    .action(async (flags: LoadFlags) =>
      end(await (await import('./load.js')).load(flags)),
    )
  program
    .command('save <image...>')
    ?.description('save images as an archive')
    .option('-o, --output <file>', 'write it there, compressed if it ends in .gz or .zst')
    .option('--format <format>', 'docker-archive, oci-archive or oci-dir')
    .option('--compress <kind>', 'none, gzip or zstd, whatever the name ends in')
    .option('-q, --quiet', 'no progress')
    .option(...ROOT)
    .action(async (names: string[], flags: SaveFlags) =>
      end(await (await import('./save.js')).save(names, flags)),
    )
  program
    .command('import <file> [name]')
    ?.description("make an image of the tar of a root filesystem ('-': standard input)")
    .option(
      '-c, --change <instruction>',
      "a Dockerfile's instruction: CMD, ENV ...",
      repeated,
    )
    .option('-m, --message <text>', 'the comment in its history')
    .option('--platform <os/arch>', "this machine's by default")
    .option('-q, --quiet', 'no progress')
    .option(...ROOT)
    .action(async (file: string, name: string | undefined, flags: ImportFlags) =>
      end(await (await import('./import.js')).importArchive(file, name, flags)),
    )
}

function addLooking(program: Verbs, end: End, list: string): void {
  program
    .command(`${list} [name]`)
    ?.description('list images')
    .option('-a, --all', 'all of them, as without it')
    .option('--digests', 'show digests')
    .option(
      '-f, --filter <filter>',
      'dangling=true, label=KEY, before=IMAGE ...',
      repeated,
    )
    .option('--format <template>', "table, json, 'table TEMPLATE', or a Go template")
    .option('--json', 'print JSON')
    .option('--no-trunc', 'whole IDs')
    .option('-q, --quiet', 'print the IDs alone')
    .option(...ROOT)
    .action(async (name: string | undefined, flags: ImagesFlags) =>
      end(await (await import('./images.js')).images(name, flags)),
    )
  program
    .command('history <image>')
    ?.description('show how an image was made')
    .option('--format <template>', "table, json, 'table TEMPLATE', or a Go template")
    .option('-H, --human <yes>', 'sizes and dates for people', 'true')
    .option('--json', 'print JSON')
    .option('--no-trunc', 'whole commands and IDs')
    .option('-q, --quiet', 'print the IDs alone')
    .option(...ROOT)
    .action(async (image: string, flags: HistoryFlags) =>
      end(await (await import('./history.js')).history(image, flags)),
    )
  program
    .command('inspect <name...>')
    ?.description('show everything about containers and images')
    .option('-f, --format <template>', 'json, or a Go template')
    .option('--type <type>', 'container or image')
    .option(...ROOT)
    .action(async (names: string[], flags: InspectFlags) =>
      end(await (await import('./inspect.js')).inspect(names, flags)),
    )
}

function addRemoving(program: Verbs, end: End, remove: string): void {
  program
    .command('tag <image> <name>')
    ?.description('give an image one more name')
    .option(...ROOT)
    .action(async (image: string, name: string, flags: StoreFlags) =>
      end(await (await import('./tag.js')).tag(image, name, flags)),
    )
  program
    .command(`${remove} <image...>`)
    ?.description('remove names, and with the last one the image')
    .option('-f, --force', 'also an ID with names of several repositories')
    .option(...ROOT)
    .action(async (names: string[], flags: RmiFlags) =>
      end(await (await import('./rmi.js')).rmi(names, flags)),
    )
}

function addCare(program: Verbs, end: End): void {
  program
    .command('gc')
    ?.description('remove what no image needs from the store')
    .option('-n, --dry-run', 'only say what')
    .option('--json', 'print JSON')
    .option('-q, --quiet', 'print the sum alone')
    .option(...ROOT)
    .action(async (flags: GcFlags) => end(await (await import('./care.js')).gc(flags)))
  program
    .command('fsck')
    ?.description('check everything in the store; status 1 when something is wrong')
    .option('--repair', 'mend what can be mended')
    .option('--json', 'print JSON')
    .option('-q, --quiet', 'no progress')
    .option(...ROOT)
    .action(async (flags: FsckFlags) =>
      end(await (await import('./care.js')).fsck(flags)),
    )
}
