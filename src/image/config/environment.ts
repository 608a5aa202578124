// Where configuration is looked for: the variables and the home directory of whoever runs the
// command. Handed to everything here, so that nothing reads `process.env` on its own.
import * as os from 'node:os'
import * as path from 'node:path'

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>
  /** Absolute. */
  readonly home: string
  readonly uid: number
}

/** That of this process. */
export function currentEnvironment(): Environment {
  return {
    variables: process.env,
    home: process.env['HOME'] ?? os.homedir(),
    uid: process.getuid?.() ?? 0,
  }
}

/** A variable's value; undefined for an empty one too, as most programs have it. */
export function variable(environment: Environment, name: string): string | undefined {
  const value = environment.variables[name]
  return value === '' ? undefined : value
}

/** A file below the user's own configuration (XDG base directory specification). */
export function userConfig(environment: Environment, ...below: string[]): string {
  const base =
    variable(environment, 'XDG_CONFIG_HOME') ?? path.join(environment.home, '.config')
  return path.join(base, ...below)
}
