// Search on a registry: Docker's `/v1/search` where it is served, else the names in `_catalog`
// that contain the words.
import { ImageError } from '../model/errors.js'
import { asCount, asList, asObject, isObject, parseJson } from '../model/json-shape.js'
import { type Network, RegistryClient } from './client.js'
import type { Endpoint } from './endpoint.js'
import { type HttpResponse, readBody } from './http.js'
import { listRepositories } from './paging.js'

export interface Found {
  readonly name: string
  readonly description: string
  readonly stars: number
  readonly official: boolean
  readonly automated: boolean
}

/** What Docker asks for at most in one page. */
const PAGE = 100
const MOST = 4 * 1024 * 1024

/**
 * Repositories of a registry that have to do with a term, the best first.
 * @param limit how many at most.
 * @throws ImageError.
 */
export async function searchIndex(
  endpoint: Endpoint,
  term: string,
  limit: number,
  network: Network,
): Promise<Found[]> {
  // Docker Hub's index is another server than its registry.
  const host = endpoint.host === 'docker.io' ? 'index.docker.io' : endpoint.host
  const client = new RegistryClient({ ...endpoint, host }, network)
  const found = await searchV1(client, term, limit)
  return found ?? searchCatalog(new RegistryClient(endpoint, network), term, limit)
}

/** Undefined where the registry has no such search. */
async function searchV1(
  client: RegistryClient,
  term: string,
  limit: number,
): Promise<Found[] | undefined> {
  const found: Found[] = []
  for (let page = 1; found.length < limit; page++) {
    const query = new URLSearchParams({
      q: term,
      n: String(Math.min(limit, PAGE)),
      page: String(page),
    })
    const response = await client.request({
      method: 'GET',
      at: `/v1/search?${query.toString()}`,
      scopes: [],
      expected: [200, 404, 405, 410, 501],
      what: `search for '${term}'`,
    })
    const answer = await readAnswer(response)
    if (answer === undefined) {
      if (page === 1) return undefined
      throw new ImageError('registry', `${client.endpoint.host}: page ${page} is missing`)
    }
    found.push(...answer.results)
    if (answer.results.length === 0 || page >= answer.pages) break
  }
  return found.slice(0, limit)
}

async function readAnswer(
  response: HttpResponse,
): Promise<{ results: Found[]; pages: number } | undefined> {
  const body = await readBody(response, MOST)
  if (response.status !== 200) return undefined
  // Registries with a web page answer every path with it.
  const type = response.headers['content-type'] ?? ''
  if (!type.includes('json')) return undefined
  const document = asObject(parseJson(body, 'search'), 'search')
  const results = asList(document['results'], 'search: results')
    .filter(isObject)
    .map(({ name, description, star_count, is_official, is_automated }) => ({
      name: typeof name === 'string' ? name : '',
      description: typeof description === 'string' ? description : '',
      stars: typeof star_count === 'number' ? star_count : 0,
      official: is_official === true,
      automated: is_automated === true,
    }))
    .filter(({ name }) => name !== '')
  const pages = asCount(document['num_pages'] ?? 1, 'search: num_pages')
  return { results, pages }
}

async function searchCatalog(
  client: RegistryClient,
  term: string,
  limit: number,
): Promise<Found[]> {
  const found: Found[] = []
  const words = term.toLowerCase()
  for await (const name of listRepositories(client)) {
    if (!name.toLowerCase().includes(words)) continue
    found.push({ name, description: '', stars: 0, official: false, automated: false })
    if (found.length === limit) break
  }
  return found
}
