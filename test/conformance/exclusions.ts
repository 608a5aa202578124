// Cases that a target is known not to pass, with the reason and what would lift it. An excluded
// case is run all the same: one that starts passing fails the suite until its line is removed.
import * as fs from 'node:fs'
import type { Origin } from './property.js'

export interface Exclusion {
  /**
   * "group/name" of every origin, "group/name@lower" of one, "group/name@lower|merged" of two; a
   * `*` at the end of the name matches any rest.
   */
  readonly ids: readonly string[]
  readonly reason: string
  readonly lifted: string
  /** Fails by chance: that it passes says nothing. */
  readonly varies: boolean
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
    const { ids, reason, lifted, varies } = item as Record<string, unknown>
    if (!isTexts(ids) || typeof reason !== 'string' || typeof lifted !== 'string') {
      throw new Error(`${file}: each entry has ids, reason and lifted`)
    }
    return { ids, reason, lifted, varies: varies === true }
  })
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(item => typeof item === 'string')
}

/** The entry that covers this case, if any. */
export function exclusionOf(
  list: readonly Exclusion[],
  id: string,
  origin: Origin,
): Exclusion | undefined {
  return list.find(({ ids }) => ids.some(pattern => covers(pattern, id, origin)))
}

function covers(pattern: string, id: string, origin: Origin): boolean {
  const [name = '', origins] = pattern.split('@')
  if (origins !== undefined && !origins.split('|').includes(origin)) return false
  return name.endsWith('*') ? id.startsWith(name.slice(0, -1)) : id === name
}
