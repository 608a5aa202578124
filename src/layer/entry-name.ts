// What the name of an archive's entry asks for. Names are taken relative to the layer's root; one
// that leads out of it, or is none, is refused. Pure.
import { hiddenBy, isDotName, OPAQUE_SENTINEL } from './format.js'
import { NAME_MAX } from '../sys/constants.js'
import { Refusal } from './refusal.js'

/** A name's components from the root down; none for the root itself. */
export type Components = readonly string[]

export type EntryName =
  /** An object of the layer. */
  | { readonly kind: 'object'; readonly components: Components }
  /** Hides `name` of `directory` in the layers below. */
  | { readonly kind: 'whiteout'; readonly directory: Components; readonly name: string }
  /** Hides all that the layers below have in `directory`. */
  | { readonly kind: 'opaque'; readonly directory: Components }
  /** AUFS's bookkeeping, which very old images carry: nobody's files. */
  | { readonly kind: 'aufs' }

const AUFS_OWN = '.wh..wh.'

/** Raises Refusal. @param depth directories that a name may have above it. */
export function parseEntryName(path: string, depth: number): EntryName {
  const components = componentsOf(path, depth)
  const name = components.at(-1)
  if (name === undefined) return { kind: 'object', components }
  const directory = components.slice(0, -1)
  if (name === OPAQUE_SENTINEL) {
    refuseDotNames(directory)
    return { kind: 'opaque', directory }
  }
  if (components.some(component => component.startsWith(AUFS_OWN)))
    return { kind: 'aufs' }
  refuseDotNames(directory)
  if (!isDotName(name)) return { kind: 'object', components }
  const hidden = hiddenBy(name)
  if (hidden === null || hidden === '')
    throw new Refusal('malformed', 'a whiteout that names nothing')
  if (hidden === '.' || hidden === '..')
    throw new Refusal('malformed', `a whiteout of '${hidden}'`)
  return { kind: 'whiteout', directory, name: hidden }
}

/** Components of a path below the root, `.` and `..` resolved by the letter. Raises Refusal. */
export function componentsOf(path: string, depth: number): string[] {
  if (path === '') throw new Refusal('malformed', 'an empty name')
  const components: string[] = []
  for (const component of path.split('/')) {
    if (component === '' || component === '.') continue
    if (component === '..') {
      if (components.pop() === undefined)
        throw new Refusal('malformed', "its '..' leads out of the layer")
    } else if (component.length > NAME_MAX) {
      throw new Refusal('limit', `a name of ${component.length} bytes`)
    } else components.push(component)
  }
  if (components.length > depth + 1)
    throw new Refusal('limit', `more than ${depth} directories deep`)
  return components
}

function refuseDotNames(directory: Components): void {
  const whiteout = directory.find(isDotName)
  if (whiteout !== undefined)
    throw new Refusal('malformed', `a whiteout, ${whiteout}, that is a directory`)
}
