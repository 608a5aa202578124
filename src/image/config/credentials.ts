// Finding, keeping and forgetting the credentials of registries: files and helpers, in the places
// and the order in which podman has them, so that a login of either is one of the other.
import {
  type AuthFile,
  type Credentials,
  credentialsIn,
  helperIn,
  readAuthFile,
  removeEntries,
  writeEntry,
} from './auth-file.js'
import { authFiles, DOCKER_HUB_KEY, keysFor, primaryAuthFile } from './auth-places.js'
import { helperErase, helperGet, helperStore } from './credential-helper.js'
import type { Environment } from './environment.js'
import type { Settings } from './settings.js'

/** In a list of helpers, the name that stands for the files. */
const FILES = 'containers-auth.json'

/** Where a login was written to, for people. */
export type Place = { readonly file: string } | { readonly helper: string }

/**
 * The credentials for a repository, or for a host as such.
 * @param host as in image names: docker.io for Docker Hub.
 * @throws ImageError `invalid` for a file or a helper that cannot be read.
 */
export async function findCredentials(
  host: string,
  repository: string | undefined,
  environment: Environment,
  settings: Settings,
): Promise<Credentials | undefined> {
  const keys = keysFor(host, repository)
  for (const helper of helpersOf(settings)) {
    const found =
      helper === FILES
        ? await findInFiles(keys, environment)
        : await findInHelper(helper, host)
    if (found !== undefined) return found
  }
  return undefined
}

async function findInFiles(
  keys: readonly string[],
  environment: Environment,
): Promise<Credentials | undefined> {
  const host = keys.at(-1) ?? ''
  for (const name of authFiles(environment)) {
    const file = readAuthFile(name)
    const helper = helperIn(file, keys)
    const kept = helper === undefined ? undefined : await findInHelper(helper, host)
    const found = kept ?? credentialsIn(file, keys)
    if (found !== undefined) return found
  }
  return undefined
}

async function findInHelper(
  helper: string,
  host: string,
): Promise<Credentials | undefined> {
  for (const server of serversOf(host)) {
    const found = await helperGet(helper, server)
    if (found !== undefined) return found
  }
  return undefined
}

/** What helpers know a host by; Docker's own logins to Docker Hub have a URL. */
function serversOf(host: string): string[] {
  return host === 'docker.io' ? [DOCKER_HUB_KEY, host] : [host]
}

/**
 * Keeps the credentials of a host, or of a part of it (HOST/PATH).
 * @throws ImageError `invalid` when they cannot be written.
 */
export async function saveCredentials(
  key: string,
  credentials: Credentials,
  environment: Environment,
  settings: Settings,
): Promise<Place> {
  const file = readAuthFile(primaryAuthFile(environment))
  const [first = FILES] = helpersOf(settings)
  const helper = first === FILES ? helperIn(file, [key]) : first
  if (helper !== undefined) {
    await helperStore(helper, key, credentials)
    return { helper }
  }
  writeEntry(file, key, credentials)
  return { file: file.path }
}

export interface Forgotten {
  /** Whether there was a login. */
  readonly removed: boolean
  /** Another program's file that still has one. */
  readonly stillIn?: string
}

/** Forgets a login where `saveCredentials` would have kept it. @throws ImageError `invalid`. */
export async function forgetCredentials(
  key: string,
  environment: Environment,
  settings: Settings,
): Promise<Forgotten> {
  const file = readAuthFile(primaryAuthFile(environment))
  const helpers = [helperIn(file, [key]), ...helpersOf(settings)].filter(
    helper => helper !== undefined && helper !== FILES,
  )
  let removed = removeEntries(file, key)
  for (const helper of new Set(helpers))
    if (helper !== undefined)
      for (const server of serversOf(key))
        removed = (await helperErase(helper, server)) || removed
  const other = await holder(key, environment)
  return { removed, ...(other === undefined ? {} : { stillIn: other.path }) }
}

async function holder(
  key: string,
  environment: Environment,
): Promise<AuthFile | undefined> {
  for (const name of authFiles(environment).slice(1)) {
    const file = readAuthFile(name)
    const helper = helperIn(file, [key])
    const kept = helper === undefined ? undefined : await findInHelper(helper, key)
    if ((kept ?? credentialsIn(file, [key])) !== undefined) return file
  }
  return undefined
}

function helpersOf({ credentialHelpers }: Settings): readonly string[] {
  return credentialHelpers.length === 0 ? [FILES] : credentialHelpers
}
