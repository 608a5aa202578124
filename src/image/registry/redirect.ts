// Redirects, followed one by one. Credentials and cookies go to the server they are meant for and
// to no other: what points to another origin, or from TLS to plain HTTP, loses them or is refused.
import { ImageError } from '../model/errors.js'
import type { Connection } from './connections.js'
import { discard, exchange, type HttpRequest, type HttpResponse } from './http.js'

/** As curl and browsers have it, give or take. */
const MOST = 10

/** Headers that are for the first server alone. */
const PRIVATE = ['authorization', 'cookie', 'proxy-authorization']

/**
 * The answer at the end of all redirects.
 * @param connect gives the connection to a URL's server.
 * @param mayBePlain allows a redirect from TLS to plain HTTP.
 * @throws ImageError `registry` for a redirect that leads nowhere, or to plain HTTP.
 */
export async function follow(
  first: HttpRequest,
  connect: (url: URL) => Connection,
  mayBePlain: (url: URL) => boolean,
): Promise<HttpResponse> {
  let request = first
  for (let hop = 0; hop <= MOST; hop++) {
    const response = await exchange(request, connect(request.url))
    const target = targetOf(request, response)
    if (target === undefined) return response
    discard(response)
    if (isDowngrade(request.url, target) && !mayBePlain(target))
      throw new ImageError(
        'registry',
        `${request.url.host} redirects to ${target.host} without TLS`,
      )
    request = redirected(request, target, response.status)
  }
  throw new ImageError('registry', `${first.url.host} redirects more than ${MOST} times`)
}

function isDowngrade(from: URL, to: URL): boolean {
  return from.protocol === 'https:' && to.protocol !== 'https:'
}

function targetOf(request: HttpRequest, response: HttpResponse): URL | undefined {
  const { status, headers } = response
  const reading = request.method === 'GET' || request.method === 'HEAD'
  const follows = reading ? [301, 302, 303, 307, 308] : [307, 308]
  if (!follows.includes(status) || headers.location === undefined) return undefined
  if (!URL.canParse(headers.location, request.url.href)) return undefined
  const target = new URL(headers.location, request.url)
  if (target.protocol === 'https:' || target.protocol === 'http:') return target
  throw new ImageError('registry', `${request.url.host} redirects to ${target.protocol}`)
}

/** RFC 9110, 15.4: 307 and 308 keep method and body, and so do reading methods always. */
function redirected(request: HttpRequest, target: URL, status: number): HttpRequest {
  const headers = Object.entries(request.headers).filter(
    ([name]) =>
      target.origin === request.url.origin || !PRIVATE.includes(name.toLowerCase()),
  )
  const method = status === 303 && request.method !== 'HEAD' ? 'GET' : request.method
  return { ...request, method, url: target, headers: Object.fromEntries(headers) }
}
