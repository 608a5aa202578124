// The verbs that look into root filesystems: `diff`, `export`, `ls`, `cat`.
import type { DiffFlags } from './diff.js'
import type { ExportFlags } from './export.js'
import type { LsFlags } from './ls.js'
import type { StoreFlags } from './store-session.js'
import type { Verbs } from './verbs-asked.js'

type End = (status: number) => void

const ROOT = ['--root <dir>', 'the store'] as const

/** Adds them to a program. @param end is told the exit status. */
export function addRootVerbs(program: Verbs, end: End): void {
  program
    .command('diff <container|layer|dir>')
    ?.description(
      'show what a container, a writable layer, or that of a mount, changed of its image',
    )
    .option('--json', 'print JSON')
    .option(...ROOT)
    .action(async (what: string, flags: DiffFlags) =>
      end(await (await import('./diff.js')).diff(what, flags)),
    )
  program
    .command('export <container|layer|image>')
    ?.description(
      'write a whole root filesystem as a tar: of a container, a writable layer, an image',
    )
    .option('-o, --output <file>', 'write it there, compressed if it ends in .gz or .zst')
    .option(...ROOT)
    .action(async (what: string, flags: ExportFlags) =>
      end(await (await import('./export.js')).exportRoot(what, flags)),
    )
  program
    .command('ls <image> [path]')
    ?.description('list a directory of an image')
    .option('-l, --long', 'modes, owners, sizes and times too')
    .option('--json', 'print JSON')
    .option(...ROOT)
    .action(async (image: string, path: string | undefined, flags: LsFlags) =>
      end(await (await import('./ls.js')).listDirectory(image, path ?? '/', flags)),
    )
  program
    .command('cat <image> <path...>')
    ?.description('print files of an image')
    .option(...ROOT)
    .action(async (image: string, paths: string[], flags: StoreFlags) =>
      end(await (await import('./cat.js')).catFile(image, paths, flags)),
    )
}
