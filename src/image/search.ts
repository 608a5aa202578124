// `search`: what the indexes of registries offer. With a host before the term that one is asked,
// else the search registries of the configuration, else Docker Hub.
import { DEFAULT_HOST } from './model/reference.js'
import type { Network } from './registry/client.js'
import { hostEndpoint } from './registry/endpoint.js'
import { type Found, searchIndex } from './registry/search-index.js'

export interface SearchFilter {
  readonly stars?: number
  readonly official?: boolean
  readonly automated?: boolean
}

export interface SearchResult extends Found {
  /** The registry that offers it. */
  readonly index: string
}

/**
 * @param limit results from each registry, at most.
 * @throws ImageError of the first registry that fails.
 */
export async function search(
  text: string,
  limit: number,
  filter: SearchFilter,
  network: Network,
): Promise<SearchResult[]> {
  const { hosts, term } = whereToSearch(text, network.settings.searchRegistries ?? [])
  const results: SearchResult[] = []
  for (const host of hosts) {
    const endpoint = hostEndpoint(host, network.settings)
    const found = await searchIndex(endpoint, term, limit, network)
    results.push(
      ...found.filter(one => passes(one, filter)).map(one => ({ index: host, ...one })),
    )
  }
  return results
}

/** `quay.io/etcd` is `etcd` on quay.io; a host alone, `quay.io/`, lists what it has. */
export function whereToSearch(
  text: string,
  searchRegistries: readonly string[],
): { hosts: string[]; term: string } {
  const slash = text.indexOf('/')
  const first = slash < 0 ? '' : text.slice(0, slash)
  if (/[.:]/.test(first) || first === 'localhost')
    return { hosts: [first], term: text.slice(slash + 1) }
  const hosts = searchRegistries.map(place => place.split('/', 1)[0] ?? place)
  return { hosts: hosts.length === 0 ? [DEFAULT_HOST] : [...new Set(hosts)], term: text }
}

function passes(found: Found, { stars, official, automated }: SearchFilter): boolean {
  return (
    found.stars >= (stars ?? 0) &&
    (official === undefined || found.official === official) &&
    (automated === undefined || found.automated === automated)
  )
}
