// How registries are reached: plyfs's own file first, then registries.conf of the other container
// tools where there is one. Read once for a command; nothing here asks the network.
import * as path from 'node:path'
import { type Environment, userConfig, variable } from './environment.js'
import { parseOwnFile } from './own-file.js'
import { readRegistriesConf } from './registries-conf.js'
import { noSettings, overlay, type Settings } from './settings.js'
import { readToml } from './toml-file.js'

/** Read by root's commands and by everybody's. */
const SYSTEM_FILE = '/etc/plyfs/config.toml'

/**
 * The settings in force: PLYFS_CONFIG, or the user's ~/.config/plyfs/config.toml over
 * /etc/plyfs/config.toml; what they leave unsaid is registries.conf's.
 * @throws ImageError `invalid` for a file that cannot be read.
 */
export function loadConfiguration(environment: Environment): Settings {
  const settings = ownFiles(environment)
    .map(file => readToml(file))
    .map(table => (table === undefined ? noSettings : parseOwnFile(table)))
    .reduceRight((below, above) => overlay(above, below), readRegistriesConf(environment))
  const aliases = [...settings.aliases].filter(([, name]) => name !== '')
  return { ...settings, aliases: new Map(aliases) }
}

/** The files of plyfs's own, the one that wins first. */
function ownFiles(environment: Environment): string[] {
  const chosen = variable(environment, 'PLYFS_CONFIG')
  if (chosen !== undefined) return [path.resolve(chosen)]
  return [userConfig(environment, 'plyfs', 'config.toml'), SYSTEM_FILE]
}
