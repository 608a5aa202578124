// `plyfs search [HOST/]TERM` and `plyfs tags NAME`: what registries offer.
import { ImageError } from '../../image/model/errors.js'
import { familiarRepository } from '../../image/model/reference.js'
import {
  search as searchRegistries,
  type SearchFilter,
  type SearchResult,
} from '../../image/search.js'
import { tags as listTags } from '../../image/tags.js'
import { type Column, type ListFlags, type ListRow, renderList } from '../list-output.js'
import { asBytes, printLine } from '../output.js'
import { withRegistries } from './registry-session.js'

export interface SearchFlags extends ListFlags {
  readonly limit?: string
  readonly filter?: readonly string[]
  readonly trunc?: boolean
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
  const text =
    flags.quiet === true
      ? found.map(pullName).join('\n')
      : renderList(found.map(row(flags.trunc !== false)), COLUMNS, flags)
  if (text !== '') printLine(asBytes(text))
  return 0
}

const COLUMNS: readonly Column[] = [
  ['NAME', 'Name'],
  ['DESCRIPTION', 'Description'],
  ['STARS', 'StarCount'],
  ['OFFICIAL', 'Official'],
]

/** Docker's fields, and the registry. */
function row(cut: boolean): (one: SearchResult) => ListRow {
  return one => {
    const text = one.description.replace(/\s+/g, ' ').trim()
    return {
      Name: pullName(one),
      Description: cut && text.length > SHORT ? `${text.slice(0, SHORT - 1)}…` : text,
      StarCount: one.stars,
      Official: one.official ? '[OK]' : '',
      IsOfficial: one.official,
      IsAutomated: one.automated,
      Index: one.index,
    }
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
export async function tags(name: string, flags: ListFlags): Promise<number> {
  const found = await withRegistries(true, ({ network }) => listTags(name, network))
  const rows = found.tags.map(tag => ({
    Repository: familiarRepository(found.reference),
    Tag: tag,
  }))
  const plain = flags.json !== true && flags.format === undefined
  const text = plain ? found.tags.join('\n') : renderList(rows, TAG_COLUMNS, flags)
  if (text !== '') printLine(asBytes(text))
  return 0
}

const TAG_COLUMNS: readonly Column[] = [
  ['REPOSITORY', 'Repository'],
  ['TAG', 'Tag'],
]
