// Lists that come in pages (distribution specification, "Listing Tags": `n`, `last` and the Link
// header of RFC 5988), read to their end or as far as is asked for.
import { ImageError } from '../model/errors.js'
import { asObject, asStrings, parseJson } from '../model/json-shape.js'
import type { RegistryClient } from './client.js'
import { type HttpResponse, readBody } from './http.js'
import { CATALOG_SCOPE, pullScope } from './scope.js'

/** Names of a page that we ask for, and bytes of a page that we read. */
const PAGE = 1000
const MOST = 4 * 1024 * 1024

/** The tags of the client's repository, in the registry's order. @throws ImageError. */
export function listTags(client: RegistryClient): AsyncIterable<string> {
  const { repository } = client.endpoint
  return pages(client, `${repository}/tags/list?n=${PAGE}`, {
    key: 'tags',
    scope: pullScope(repository),
    what: `tags of ${repository}`,
  })
}

/** The repositories of the client's host, in the registry's order. @throws ImageError. */
export function listRepositories(client: RegistryClient): AsyncIterable<string> {
  return pages(client, `_catalog?n=${PAGE}`, {
    key: 'repositories',
    scope: CATALOG_SCOPE,
    what: 'list of repositories',
  })
}

interface Listing {
  readonly key: string
  readonly scope: string
  readonly what: string
}

async function* pages(
  client: RegistryClient,
  first: string,
  { key, scope, what }: Listing,
): AsyncGenerator<string> {
  const seen = new Set<string>()
  let at: string | URL | undefined = first
  while (at !== undefined) {
    const response: HttpResponse = await client.request({
      method: 'GET',
      at,
      scopes: [scope],
      expected: [200],
      what,
    })
    const body = parseJson(await readBody(response, MOST), what)
    yield* asStrings(asObject(body, what)[key], `${what}: ${key}`)
    at = nextPage(response)
    if (at !== undefined && seen.size === seen.add(String(at)).size)
      throw new ImageError('registry', `${client.endpoint.host}: ${what}: endless`)
  }
}

/** The URL that a Link header gives for the next page. */
export function nextPage(
  response: Pick<HttpResponse, 'headers' | 'url'>,
): URL | undefined {
  const { link } = response.headers
  const text = Array.isArray(link) ? link.join(', ') : (link ?? '')
  const target = /<([^>]*)>\s*;[^,]*\brel="?next"?/i.exec(text)?.[1]
  if (target === undefined || !URL.canParse(target, response.url.href)) return undefined
  return new URL(target, response.url)
}
