// plyfs's own configuration file, TOML: /etc/plyfs/config.toml and ~/.config/plyfs/config.toml.
// A setting it does not know is an error, so that a misspelt `insecureRegistries` is noticed.
import { ImageError } from '../model/errors.js'
import { parseRegistryTable } from './registry-table.js'
import type { Settings, ShortNameMode } from './settings.js'
import {
  onlyKeys,
  stringAt,
  stringsAt,
  type Table,
  tableAt,
  tablesAt,
} from './toml-file.js'

const SETTINGS = [
  'searchRegistries',
  'shortNameMode',
  'insecureRegistries',
  'credentialHelpers',
  'aliases',
  'registry',
]
const OF_A_REGISTRY = [
  'prefix',
  'location',
  'insecure',
  'blocked',
  'mirror',
  'mirrors',
  'mirror-by-digest-only',
]

/** @throws ImageError `invalid`. */
export function parseOwnFile(table: Table): Settings {
  onlyKeys(table, SETTINGS)
  const registries = tablesAt(table, 'registry')
  for (const registry of registries) onlyKeys(registry, OF_A_REGISTRY)
  return {
    searchRegistries: stringsAt(table, 'searchRegistries'),
    shortNameMode: parseShortNameMode(table, 'shortNameMode'),
    aliases: parseAliases(tableAt(table, 'aliases')),
    registries: registries.map(parseRegistryTable),
    insecureRegistries: stringsAt(table, 'insecureRegistries') ?? [],
    credentialHelpers: stringsAt(table, 'credentialHelpers') ?? [],
  }
}

/** @throws ImageError `invalid`. */
export function parseAliases(table: Table | undefined): ReadonlyMap<string, string> {
  if (table === undefined) return new Map()
  return new Map(
    Object.keys(table.values).map(name => [name, stringAt(table, name) ?? '']),
  )
}

/** @throws ImageError `invalid`. */
export function parseShortNameMode(table: Table, key: string): ShortNameMode | undefined {
  const mode = stringAt(table, key)
  switch (mode) {
    case undefined:
    case '':
      return undefined
    case 'enforcing':
    case 'permissive':
    case 'disabled':
      return mode
    default:
      throw new ImageError('invalid', `${table.where}: ${key} '${mode}' is unknown`)
  }
}
