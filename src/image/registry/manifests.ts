// Manifests of a repository: read with the bytes they have, written as they are (distribution
// specification, "Pulling manifests", "Pushing Manifests"). Their digest is checked here.
import { bytesOf } from '../../bytes/byte-source.js'
import { type Digest, digestOf } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import type { Document } from '../model/manifest.js'
import { MEDIA } from '../model/media-types.js'
import type { RegistryClient } from './client.js'
import { type HttpResponse, readBody } from './http.js'
import { pullScope, pushScope } from './scope.js'

/** What the specification lets registries refuse beyond. */
const MOST = 4 * 1024 * 1024

const ACCEPT = [
  MEDIA.ociIndex,
  MEDIA.ociManifest,
  MEDIA.dockerList,
  MEDIA.dockerManifest,
].join(', ')

export interface FetchedManifest extends Document {
  readonly digest: Digest
}

/**
 * A manifest or an index.
 * @param at a tag or a digest; bytes of another digest are refused.
 * @throws ImageError `not-found`, `mismatch`, `unauthorized`, `registry` or `network`.
 */
export function fetchManifest(
  client: RegistryClient,
  at: { readonly tag: string } | { readonly digest: Digest },
): Promise<FetchedManifest> {
  const name = 'tag' in at ? at.tag : at.digest
  const { repository } = client.endpoint
  const what = `manifest ${repository}${'tag' in at ? ':' : '@'}${name}`
  return client.retrying(async () => {
    const response = await client.attempt({
      method: 'GET',
      at: `${repository}/manifests/${name}`,
      headers: { accept: ACCEPT },
      scopes: [pullScope(repository)],
      expected: [200],
      what,
    })
    const bytes = await bodyOf(client, response, what)
    const digest = digestOf(bytes)
    const promised =
      'digest' in at ? at.digest : response.headers['docker-content-digest']
    if (typeof promised === 'string' && promised.startsWith('sha256:'))
      if (promised !== digest)
        throw new ImageError(
          'mismatch',
          `${client.endpoint.host}: ${what} is ${digest} instead of ${promised}`,
        )
    return { bytes, digest, mediaType: mediaTypeOf(response) }
  })
}

async function bodyOf(
  client: RegistryClient,
  response: HttpResponse,
  what: string,
): Promise<Buffer> {
  try {
    return await readBody(response, MOST)
  } catch (error) {
    if (error instanceof RangeError)
      throw new ImageError('limit', `${what} has more than ${MOST} bytes`)
    throw client.failure(error)
  }
}

/** Without parameters; registries that know no type answer with a general one. */
function mediaTypeOf({ headers }: HttpResponse): string {
  const type = (headers['content-type'] ?? '').split(';', 1)[0]?.trim() ?? ''
  return /^(application\/(json|octet-stream)|text\/plain)$/.test(type) ? '' : type
}

/**
 * Puts a manifest under a tag or under its digest.
 * @throws ImageError, `mismatch` where the registry holds something else afterwards.
 */
export async function putManifest(
  client: RegistryClient,
  name: string,
  { bytes, mediaType }: Document,
): Promise<Digest> {
  const { host, repository } = client.endpoint
  const what = `manifest ${repository}:${name}`
  const digest = digestOf(bytes)
  const response = await client.request({
    method: 'PUT',
    at: `${repository}/manifests/${name}`,
    headers: { 'content-type': mediaType },
    body: { length: bytes.length, open: () => bytesOf(bytes) },
    scopes: [pushScope(repository)],
    expected: [200, 201, 202],
    what,
  })
  response.body.resume()
  const held = response.headers['docker-content-digest']
  if (typeof held === 'string' && held.startsWith('sha256:') && held !== digest)
    throw new ImageError('mismatch', `${host}: ${what} became ${held}, not ${digest}`)
  return digest
}
