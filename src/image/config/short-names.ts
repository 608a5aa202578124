// What a name without a host may mean: an alias, a search registry, Docker Hub
// (containers-registries.conf(5), "Short-Name Aliasing"). Pure; nothing is asked of people, since
// the same command has to do the same on a terminal and in a script.
import { ImageError } from '../model/errors.js'
import {
  isShortName,
  parseReference,
  type Reference,
  splitReference,
  withDefaults,
} from '../model/reference.js'
import type { Settings } from './settings.js'

/**
 * The full names that a written one may stand for, the most wanted first; one for a name with a
 * host.
 * @throws ImageError `invalid` for no name at all, `ambiguous` where the configuration forbids to
 * choose.
 */
export function candidateReferences(text: string, settings: Settings): Reference[] {
  const written = splitReference(text)
  if (!isShortName(written)) return [parseReference(text)]
  const alias = settings.aliases.get(written.path)
  if (alias !== undefined) {
    const { host, path } = splitReference(alias)
    if (host === undefined)
      throw new ImageError('invalid', `the alias '${written.path}' has no host: ${alias}`)
    return [withDefaults(host, { ...written, path })]
  }
  const hosts = settings.searchRegistries ?? []
  if (hosts.length === 0) return [parseReference(text)]
  if (hosts.length > 1 && settings.shortNameMode === 'enforcing')
    throw new ImageError(
      'ambiguous',
      `'${text}' may be on ${hosts.join(', ')}: write the host before it`,
    )
  return hosts.map(host => withDefaults(host, written))
}
