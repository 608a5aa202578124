// `plyfs search [HOST/]TERM` and `plyfs tags NAME`: what registries offer.
import { ImageError } from '../../image/model/errors.js'
import { familiarRepository, repositoryName } from '../../image/model/reference.js'
import {
  search as searchRegistries,
  type SearchFilter,
  type SearchResult,
} from '../../image/search.js'
import { tags as listTags } from '../../image/tags.js'
import { asBytes, printLine } from '../output.js'
import { renderTable } from '../table.js'
import { withRegistries } from './registry-session.js'

export interface SearchFlags {
  readonly limit?: string
  readonly filter?: readonly string[]
  readonly trunc?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

/** Characters of a description, as Docker cuts it. */
const SHORT = 45

/** Prints what was found; 0. Throws an ImageError. */
export async function search(term: string, flags: SearchFlags): Promise<number> {
  const limit = Number(flags.limit ?? '25')
  if (!Number.isSafeInteger(limit) || limit < 1)
    throw new ImageError('invalid', `--limit ${flags.limit ?? ''}: write a number from 1`)
  const filter = parseFilter(flags.filter ?? [])
  const found = await withRegistries(true, ({ network }) =>
    searchRegistries(term, limit, filter, network),
  )
  if (flags.json === true) printLine(asBytes(JSON.stringify(found, null, 2)))
  else if (flags.quiet === true)
    for (const one of found) printLine(asBytes(pullName(one)))
  else printLine(asBytes(renderTable(HEADINGS, found.map(row(flags.trunc !== false)))))
  return 0
}

const HEADINGS = ['NAME', 'DESCRIPTION', 'STARS', 'OFFICIAL']

function row(cut: boolean): (one: SearchResult) => string[] {
  return one => {
    const text = one.description.replace(/\s+/g, ' ').trim()
    const shown = cut && text.length > SHORT ? `${text.slice(0, SHORT - 1)}…` : text
    return [pullName(one), shown, String(one.stars), one.official ? '[OK]' : '']
  }
}

/** What `pull` takes. */
function pullName({ index, name }: SearchResult): string {
  return index === 'docker.io' ? name : `${index}/${name}`
}

function parseFilter(words: readonly string[]): SearchFilter {
  return Object.fromEntries(
    words.map((word): [string, number | boolean] => {
      const stars = /^stars=(\d+)$/.exec(word)?.[1]
      if (stars !== undefined) return ['stars', Number(stars)]
      const yes = /^is-(official|automated)=(true|false)$/.exec(word)
      if (yes?.[1] !== undefined) return [yes[1], yes[2] === 'true']
      throw new ImageError(
        'invalid',
        `--filter ${word}: write stars=N, is-official=true or is-automated=true`,
      )
    }),
  )
}

/** Prints the tags of a repository, one a line; 0. Throws an ImageError. */
export async function tags(name: string, flags: { json?: boolean }): Promise<number> {
  const found = await withRegistries(true, ({ network }) => listTags(name, network))
  if (flags.json === true) {
    const answer = { name: repositoryName(found.reference), tags: found.tags }
    printLine(asBytes(JSON.stringify(answer, null, 2)))
  } else if (found.tags.length > 0) printLine(asBytes(found.tags.join('\n')))
  else printLine(asBytes(`${familiarRepository(found.reference)} has no tags`))
  return 0
}
