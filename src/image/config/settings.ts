// What configuration files say about registries, and how one file's word stands over another's.
// Pure.
import { prefixLength, type RegistryTable } from './registry-table.js'

/** `enforcing` refuses a short name that several registries could have. */
export type ShortNameMode = 'enforcing' | 'permissive' | 'disabled'

/** What one file says; what it leaves unsaid is another's to say. */
export interface Settings {
  /** Hosts that short names are looked for on, in order; undefined where none are configured. */
  readonly searchRegistries: readonly string[] | undefined
  readonly shortNameMode: ShortNameMode | undefined
  /** Short name to full repository name; an empty one takes the name out again. */
  readonly aliases: ReadonlyMap<string, string>
  readonly registries: readonly RegistryTable[]
  /** HOST[:PORT][/PATH]: plain HTTP, and certificates of anybody, will do. */
  readonly insecureRegistries: readonly string[]
  /**
   * Programs `docker-credential-NAME` for all hosts, in order; `containers-auth.json` among them
   * stands for the files. None are configured where it is empty: the files alone.
   */
  readonly credentialHelpers: readonly string[]
}

export const noSettings: Settings = {
  searchRegistries: undefined,
  shortNameMode: undefined,
  aliases: new Map(),
  registries: [],
  insecureRegistries: [],
  credentialHelpers: [],
}

/** Both together: lists and tables of the one above replace, names and hosts are added. */
export function overlay(above: Settings, below: Settings): Settings {
  const named = new Set(above.registries.map(({ prefix }) => prefix))
  const helpers = above.credentialHelpers
  return {
    searchRegistries: above.searchRegistries ?? below.searchRegistries,
    shortNameMode: above.shortNameMode ?? below.shortNameMode,
    aliases: new Map([...below.aliases, ...above.aliases]),
    registries: [
      ...above.registries,
      ...below.registries.filter(({ prefix }) => !named.has(prefix)),
    ],
    insecureRegistries: [...above.insecureRegistries, ...below.insecureRegistries],
    credentialHelpers: helpers.length > 0 ? helpers : below.credentialHelpers,
  }
}

/** The table with the longest prefix of a name (`HOST/PATH`, with tag or digest). */
export function tableFor(settings: Settings, name: string): RegistryTable | undefined {
  return settings.registries
    .filter(({ prefix }) => prefixLength(name, prefix) >= 0)
    .toSorted((a, b) => prefixLength(name, b.prefix) - prefixLength(name, a.prefix))
    .at(0)
}

/** Whether `insecureRegistries`, or the table that applies, lets a place be insecure. */
export function isInsecure(settings: Settings, place: string): boolean {
  return (
    settings.insecureRegistries.some(prefix => prefixLength(place, prefix) >= 0) ||
    tableFor(settings, place)?.insecure === true
  )
}
