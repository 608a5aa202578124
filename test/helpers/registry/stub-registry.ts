// A registry in the test's own process, for what docker-registry does not do: pages of tags and
// repositories, Docker's /v1/search, redirects of blobs, mirrors that fail. Plain HTTP; keeps what
// it was asked.
import * as http from 'node:http'
import { digestOf } from './oci-layout.js'
import { listen, type Listening } from './listening.js'

export interface StubRequest {
  readonly method: string
  readonly url: URL
  readonly headers: http.IncomingHttpHeaders
}

export interface StubRegistry extends Listening {
  readonly requests: readonly StubRequest[]
  /** Repository to its tags, sorted as they are told. */
  readonly tags: Map<string, string[]>
  /** What /v1/search finds; undefined: it is not served. */
  found: readonly Readonly<Record<string, unknown>>[] | undefined
  /** Names or results on a page, whatever is asked for. */
  page: number
  /** Answers itself and returns true, or leaves it to the stub. */
  handle: (request: StubRequest, response: http.ServerResponse) => boolean
  /** Manifests and blobs by `REPOSITORY/manifests/TAG` or `.../blobs/DIGEST`. */
  readonly documents: Map<string, { type: string; bytes: Buffer }>
}

export async function startStubRegistry(): Promise<StubRegistry> {
  const requests: StubRequest[] = []
  const server = http.createServer((incoming, response) => {
    const request: StubRequest = {
      method: incoming.method ?? '',
      url: new URL(incoming.url ?? '/', `http://${incoming.headers.host ?? 'stub'}`),
      headers: incoming.headers,
    }
    requests.push(request)
    incoming.resume()
    if (!stub.handle(request, response)) answer(stub, request, response)
  })
  const stub: StubRegistry = {
    ...(await listen(server)),
    requests,
    tags: new Map(),
    found: undefined,
    page: 2,
    handle: () => false,
    documents: new Map(),
  }
  return stub
}

function answer(
  stub: StubRegistry,
  { url }: StubRequest,
  response: http.ServerResponse,
): void {
  const { pathname } = url
  const list = /^\/v2\/(.+)\/tags\/list$/.exec(pathname)?.[1]
  const document = stub.documents.get(pathname.replace('/v2/', ''))
  if (pathname === '/v2/') json(response, {})
  else if (pathname === '/v2/_catalog') {
    page(stub, url, response, 'repositories', [...stub.tags.keys()])
  } else if (list !== undefined && stub.tags.has(list)) {
    page(stub, url, response, 'tags', stub.tags.get(list) ?? [])
  } else if (pathname === '/v1/search' && stub.found !== undefined) {
    search(stub, url, response, stub.found)
  } else if (document !== undefined) {
    response.writeHead(200, {
      'content-type': document.type,
      'content-length': document.bytes.length,
      'docker-content-digest': digestOf(document.bytes),
    })
    response.end(document.bytes)
  } else response.writeHead(404, { 'content-type': 'application/json' }).end('{}')
}

/** `n`, `last` and Link, with a URL without a host, as the specification shows it. */
function page(
  stub: StubRegistry,
  url: URL,
  response: http.ServerResponse,
  key: string,
  all: readonly string[],
): void {
  const last = url.searchParams.get('last')
  const rest = last === null ? all : all.slice(all.indexOf(last) + 1)
  const shown = rest.slice(0, stub.page)
  const query = new URLSearchParams({ n: String(stub.page), last: shown.at(-1) ?? '' })
  const more = rest.length > shown.length
  json(
    response,
    { [key]: shown },
    more ? { link: `<${url.pathname}?${query.toString()}>; rel="next"` } : {},
  )
}

function search(
  stub: StubRegistry,
  url: URL,
  response: http.ServerResponse,
  found: readonly unknown[],
): void {
  const number = Number(url.searchParams.get('page') ?? '1')
  json(response, {
    query: url.searchParams.get('q'),
    num_results: found.length,
    num_pages: Math.ceil(found.length / stub.page),
    page: number,
    results: found.slice((number - 1) * stub.page, number * stub.page),
  })
}

export function json(
  response: http.ServerResponse,
  value: unknown,
  headers: http.OutgoingHttpHeaders = {},
): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(value))
}
