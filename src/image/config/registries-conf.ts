// registries.conf of podman, skopeo and buildah, with its drop-in files (containers-registries.conf(5)
// and .conf.d(5)): read as they read it, never written.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { type Environment, userConfig, variable } from './environment.js'
import { parseAliases, parseShortNameMode } from './own-file.js'
import { parseRegistryTable, type RegistryTable } from './registry-table.js'
import { noSettings, overlay, type Settings } from './settings.js'
import { readToml, stringsAt, type Table, tableAt, tablesAt } from './toml-file.js'

const SYSTEM = '/etc/containers/registries.conf'

/** What all the files together say. @throws ImageError `invalid`. */
export function readRegistriesConf(environment: Environment): Settings {
  const { file, dropIns } = placesOf(environment)
  const settings = [file, ...dropIns.flatMap(confFiles)]
    .map(name => readToml(name))
    .map(table => (table === undefined ? noSettings : parseRegistriesConf(table)))
    .reduce((below, above) => overlay(above, below))
  const remembered = readToml(rememberedAliases(environment))
  const aliases = parseAliases(remembered && tableAt(remembered, 'aliases'))
  return { ...settings, aliases: new Map([...settings.aliases, ...aliases]) }
}

/** A user's own file replaces the system's, and its drop-in files with it. */
function placesOf(environment: Environment): { file: string; dropIns: string[] } {
  const own = userConfig(environment, 'containers', 'registries.conf')
  const chosen = variable(environment, 'CONTAINERS_REGISTRIES_CONF')
  if (chosen === undefined && fs.existsSync(own))
    return { file: own, dropIns: [`${own}.d`] }
  return { file: chosen ?? SYSTEM, dropIns: [`${SYSTEM}.d`, `${own}.d`] }
}

function confFiles(directory: string): string[] {
  if (!fs.existsSync(directory)) return []
  return fs
    .readdirSync(directory)
    .filter(name => name.endsWith('.conf'))
    .toSorted()
    .map(name => path.join(directory, name))
}

/** Which registries people chose for short names when podman asked them. */
function rememberedAliases({ uid, home }: Environment): string {
  const base = uid === 0 ? '/var/cache' : path.join(home, '.cache')
  return path.join(base, 'containers', 'short-name-aliases.conf')
}

/** One file, in the second version of the format or in the first. @throws ImageError `invalid`. */
export function parseRegistriesConf(table: Table): Settings {
  const searched = firstVersion(table, 'search')
  return {
    searchRegistries:
      stringsAt(table, 'unqualified-search-registries') ??
      (searched.length === 0 ? undefined : searched),
    shortNameMode: parseShortNameMode(table, 'short-name-mode'),
    aliases: parseAliases(tableAt(table, 'aliases')),
    registries: [
      ...tablesAt(table, 'registry').map(parseRegistryTable),
      ...firstVersion(table, 'block').map(blocked),
    ],
    insecureRegistries: firstVersion(table, 'insecure'),
    credentialHelpers: stringsAt(table, 'credential-helpers') ?? [],
  }
}

/** `[registries.KEY] registries = [...]`. */
function firstVersion(table: Table, key: string): readonly string[] {
  const all = tableAt(table, 'registries')
  const found = all && tableAt(all, key)
  return (found && stringsAt(found, 'registries')) ?? []
}

function blocked(place: string): RegistryTable {
  return { prefix: place, location: place, insecure: false, blocked: true, mirrors: [] }
}
