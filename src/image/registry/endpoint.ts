// Where the images of a name are had and sent to: the mirrors in their order, then the registry
// itself (containers-registries.conf(5), "Remapping and mirroring registries"). Pure.
import { type RegistryTable } from '../config/registry-table.js'
import { isInsecure, type Settings, tableFor } from '../config/settings.js'
import { ImageError } from '../model/errors.js'
import {
  DEFAULT_HOST,
  fullName,
  type Reference,
  repositoryName,
} from '../model/reference.js'

/** A repository on a server. */
export interface Endpoint {
  /** HOST[:PORT], as credentials and certificates are filed under. */
  readonly host: string
  readonly repository: string
  /** Plain HTTP, and certificates of anybody, will do. */
  readonly insecure: boolean
}

/** Where to pull from, in the order of trying. @throws ImageError `registry` where it is blocked. */
export function pullEndpoints(reference: Reference, settings: Settings): Endpoint[] {
  const table = tableFor(settings, fullName(reference))
  if (table === undefined) return [ownEndpoint(reference, settings)]
  refuseBlocked(table, reference)
  const wanted = reference.digest === undefined ? 'tag-only' : 'digest-only'
  const mirrors = table.mirrors
    .filter(({ pulls }) => pulls === 'all' || pulls === wanted)
    .map(({ location, insecure }) =>
      endpointAt(remap(reference, table.prefix, location), insecure, settings),
    )
  const origin = remap(reference, table.prefix, table.location)
  return [...mirrors, endpointAt(origin, table.insecure, settings)]
}

/** Where to push to: the name itself, never a mirror. @throws ImageError `registry`. */
export function ownEndpoint(reference: Reference, settings: Settings): Endpoint {
  const table = tableFor(settings, fullName(reference))
  if (table !== undefined) refuseBlocked(table, reference)
  return endpointAt(repositoryName(reference), false, settings)
}

/** A server as such, for logins and lists. @throws ImageError `registry` where it is blocked. */
export function hostEndpoint(host: string, settings: Settings): Endpoint {
  const table = tableFor(settings, host)
  if (table?.blocked === true) throw blocked(host)
  return { host, repository: '', insecure: isInsecure(settings, host) }
}

/** Host of the API, which Docker Hub has elsewhere than its name says. */
export function apiHost(host: string): string {
  return host === DEFAULT_HOST ? 'registry-1.docker.io' : host
}

function refuseBlocked(table: RegistryTable, reference: Reference): void {
  if (table.blocked) throw blocked(repositoryName(reference))
}

function blocked(name: string): ImageError {
  return new ImageError('registry', `${name} is blocked by the configuration`)
}

/** The name with the location in the place of the prefix; `*.HOST` has no place to put it. */
function remap(reference: Reference, prefix: string, location: string): string {
  const name = repositoryName(reference)
  if (prefix.startsWith('*.')) return location === prefix ? name : location
  // A prefix that holds a tag or a digest covers the whole name.
  return location + (name.startsWith(prefix) ? name.slice(prefix.length) : '')
}

function endpointAt(place: string, insecure: boolean, settings: Settings): Endpoint {
  const slash = place.indexOf('/')
  if (slash < 0)
    throw new ImageError('invalid', `the location ${place} has no repository in it`)
  return {
    host: place.slice(0, slash),
    repository: place.slice(slash + 1),
    insecure: insecure || isInsecure(settings, place),
  }
}
