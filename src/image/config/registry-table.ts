// One [[registry]] table (containers-registries.conf(5)): where the images of a prefix really are,
// and which mirrors are asked first. The same in plyfs's own file, which may write the mirrors as
// plain strings.
import { ImageError } from '../model/errors.js'
import { booleanAt, stringAt, stringsAt, type Table, tablesAt } from './toml-file.js'

export interface Mirror {
  /** HOST[:PORT][/PATH], put in the place of the table's prefix. */
  readonly location: string
  readonly insecure: boolean
  readonly pulls: 'all' | 'digest-only' | 'tag-only'
}

export interface RegistryTable {
  /** HOST[:PORT][/PATH...] or *.HOST: what it applies to. */
  readonly prefix: string
  /** What stands in the place of the prefix; the prefix itself where nothing is said. */
  readonly location: string
  /** Plain HTTP, and certificates of anybody, will do. */
  readonly insecure: boolean
  readonly blocked: boolean
  /** In the order in which they are tried. */
  readonly mirrors: readonly Mirror[]
}

/** @throws ImageError `invalid`. */
export function parseRegistryTable(table: Table): RegistryTable {
  const written = stringAt(table, 'location') ?? ''
  const prefix = trimmed(stringAt(table, 'prefix') ?? written)
  if (prefix === '')
    throw new ImageError('invalid', `${table.where} has neither prefix nor location`)
  if (prefix.includes('*') && !/^\*\.[^*/]+$/.test(prefix))
    throw new ImageError('invalid', `${table.where}: '${prefix}' must be *.HOST`)
  const digestOnly = booleanAt(table, 'mirror-by-digest-only') === true
  return {
    prefix,
    location: written === '' ? prefix : trimmed(written),
    insecure: booleanAt(table, 'insecure') === true,
    blocked: booleanAt(table, 'blocked') === true,
    mirrors: [
      ...tablesAt(table, 'mirror').map(mirror => parseMirror(mirror, digestOnly)),
      ...(stringsAt(table, 'mirrors') ?? []).map(location => ({
        location: trimmed(location),
        insecure: false,
        pulls: digestOnly ? ('digest-only' as const) : ('all' as const),
      })),
    ],
  }
}

function parseMirror(table: Table, digestOnly: boolean): Mirror {
  const location = trimmed(stringAt(table, 'location') ?? '')
  if (location === '') throw new ImageError('invalid', `${table.where} has no location`)
  const pulls = stringAt(table, 'pull-from-mirror') ?? ''
  if (!['', 'all', 'digest-only', 'tag-only'].includes(pulls))
    throw new ImageError('invalid', `${table.where}: pull-from-mirror '${pulls}'`)
  return {
    location,
    insecure: booleanAt(table, 'insecure') === true,
    pulls: digestOnly || pulls === 'digest-only' ? 'digest-only' : tagOnly(pulls),
  }
}

function tagOnly(pulls: string): 'all' | 'tag-only' {
  return pulls === 'tag-only' ? 'tag-only' : 'all'
}

function trimmed(location: string): string {
  return location.replace(/\/+$/, '')
}

/** Whether a name (`HOST/PATH`) begins with the prefix, and how much of it that is; -1 for not. */
export function prefixLength(name: string, prefix: string): number {
  if (prefix.startsWith('*.')) {
    const host = name.split('/', 1)[0] ?? ''
    const suffix = prefix.slice(1)
    return host.endsWith(suffix) && host.length > suffix.length ? suffix.length : -1
  }
  if (!name.startsWith(prefix)) return -1
  // The prefix may end in a tag or a digest, and a name goes on with either.
  const next = name.charAt(prefix.length)
  return next === '' || next === '/' || next === ':' || next === '@' ? prefix.length : -1
}
