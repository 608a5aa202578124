// Cases that a target is known not to pass, with the reason and what would lift it. An excluded
// case is run all the same: one that starts passing fails the suite until its line is removed.
import * as fs from 'node:fs'
import type { Origin } from './property.js'

export interface Exclusion {
  /** "group/name", of every origin; "group/name@lower" of one; a `*` at the end matches any rest. */
  readonly id: string
  readonly reason: string
  readonly lifted: string
}

/** The lists of these names, in test/conformance/exclusions. */
export function readExclusions(names: readonly string[]): Exclusion[] {
  return names.flatMap(name => {
    const file = new URL(`./exclusions/${name}.json`, import.meta.url)
    return parse(file.pathname, fs.readFileSync(file, 'utf8'))
  })
}

function parse(file: string, text: string): Exclusion[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list)) throw new Error(`${file}: not a list`)
  return list.map((item: unknown) => {
    if (typeof item !== 'object' || item === null)
      throw new Error(`${file}: not an object`)
    const { id, reason, lifted } = item as Record<string, unknown>
    if (
      typeof id !== 'string' ||
      typeof reason !== 'string' ||
      typeof lifted !== 'string'
    ) {
      throw new Error(`${file}: each entry has id, reason and lifted`)
    }
    return { id, reason, lifted }
  })
}

/** The entry that covers this case, if any. */
export function exclusionOf(
  list: readonly Exclusion[],
  id: string,
  origin: Origin,
): Exclusion | undefined {
  return list.find(({ id: pattern }) => {
    const full = `${id}@${origin}`
    if (pattern.endsWith('*')) return full.startsWith(pattern.slice(0, -1))
    return pattern === id || pattern === full
  })
}
