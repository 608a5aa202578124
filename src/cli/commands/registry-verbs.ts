// The verbs that talk to registries: their options, as docker has them.
import type { ListFlags } from '../list-output.js'
import type { LoginFlags } from './login.js'
import type { PullFlags } from './pull.js'
import type { PushFlags } from './push.js'
import type { SearchFlags } from './search.js'
import type { Verbs } from './verbs-asked.js'

const repeated = (value: string, before: string[] = []): string[] => [...before, value]

/** Adds them to a program. @param end is told the exit status. */
export function addRegistryVerbs(program: Verbs, end: (status: number) => void): void {
  program
    .command('pull <name...>')
    ?.description('fetch images from registries')
    .option('-a, --all-tags', 'every tag of the repository')
    .option('--platform <os/arch>', "of an image for several; this machine's by default")
    .option('-q, --quiet', 'print the names alone')
    .option('--root <dir>', 'the store')
    .action(async (names: string[], flags: PullFlags) =>
      end(await (await import('./pull.js')).pull(names, flags)),
    )
  program
    .command('push <name>')
    ?.description('send an image to its registry; without a tag, every tag of it')
    .option('-a, --all-tags', 'every tag, as without a tag')
    .option('-q, --quiet', 'print the names alone')
    .option('--root <dir>', 'the store')
    .action(async (name: string, flags: PushFlags) =>
      end(await (await import('./push.js')).push(name, flags)),
    )
  program
    .command('login [server]')
    ?.description('log in to a registry (Docker Hub without one)')
    .option('-u, --username <name>', 'who')
    .option('-p, --password <password>', 'seen by other users: better --password-stdin')
    .option('--password-stdin', 'read the password from standard input')
    .action(async (server: string | undefined, flags: LoginFlags) =>
      end(await (await import('./login.js')).login(server, flags)),
    )
  program
    .command('logout [server]')
    ?.description('forget the login of a registry')
    .action(async (server: string | undefined) =>
      end(await (await import('./login.js')).logout(server)),
    )
  program
    .command('search <term>')
    ?.description('look for images: [HOST/]TERM')
    .option('--limit <n>', 'results of each registry, at most', '25')
    .option('-f, --filter <filter>', 'stars=N, is-official=true ...', repeated)
    .option('--no-trunc', 'whole descriptions')
    .option('--format <template>', "table, json, 'table TEMPLATE', or a Go template")
    .option('--json', 'print JSON')
    .option('-q, --quiet', 'print the names alone')
    .action(async (term: string, flags: SearchFlags) =>
      end(await (await import('./search.js')).search(term, flags)),
    )
  program
    .command('tags <name>')
    ?.description('list the tags that a registry has of a repository')
    .option('--format <template>', "table, json, 'table TEMPLATE', or a Go template")
    .option('--json', 'print JSON')
    .action(async (name: string, flags: ListFlags) =>
      end(await (await import('./search.js')).tags(name, flags)),
    )
}
