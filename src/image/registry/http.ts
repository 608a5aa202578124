// One request and its answer, both streamed. Node's own http and https, not fetch: client
// certificates and certificates for one host are options of a connection here, a proxy is an agent,
// no redirect is followed behind our back (credentials must not follow one), and a body of known
// length is sent without being chunked or held in memory. It never retries and knows no
// credentials; those stand above it.
import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http'
import * as http from 'node:http'
import * as https from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Connection } from './connections.js'

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** A body that can be sent again. */
export interface RequestBody {
  /** Bytes. */
  readonly length: number
  open(): AsyncIterable<Uint8Array>
}

export interface HttpRequest {
  readonly method: Method
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: RequestBody
}

export interface HttpResponse {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Where it came from in the end. */
  readonly url: URL
  /** To be read to its end or destroyed, else its connection is never free again. */
  readonly body: IncomingMessage
}

/** Milliseconds without a byte in either direction after which a server counts as gone. */
const SILENCE = 60_000

/** The answer's head; rejects with Node's own error (`code`) when none came. */
export async function exchange(
  { method, url, headers, body }: HttpRequest,
  connection: Connection,
): Promise<HttpResponse> {
  const request = start(method, url, connection, {
    'user-agent': USER_AGENT,
    ...headers,
    ...(body === undefined ? noBody(method) : { 'content-length': String(body.length) }),
  })
  request.setTimeout(SILENCE, () =>
    request.destroy(
      Object.assign(new Error('the server is silent'), { code: 'ETIMEDOUT' }),
    ),
  )
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve)
    request.on('error', reject)
  })
  if (body === undefined) request.end()
  // What a server does not want to read it need not: its answer counts, or the request's error.
  else send(body, request)
  const answer = await answered
  return { status: answer.statusCode ?? 0, headers: answer.headers, url, body: answer }
}

const USER_AGENT = 'plyfs'

function noBody(method: Method): Record<string, string> {
  return method === 'GET' || method === 'HEAD' ? {} : { 'content-length': '0' }
}

function start(
  method: Method,
  url: URL,
  { agent, forwarder, secureContext, rejectUnauthorized }: Connection,
  headers: Record<string, string>,
): ClientRequest {
  if (url.protocol === 'https:')
    return https.request(url, {
      method,
      agent,
      headers,
      rejectUnauthorized,
      ...(secureContext === undefined ? {} : { secureContext }),
    })
  if (forwarder === undefined) return http.request(url, { method, agent, headers })
  const secure = forwarder.protocol === 'https:'
  return (secure ? https : http).request({
    method,
    agent,
    host: forwarder.hostname.replace(/^\[|\]$/g, ''),
    port: forwarder.port === '' ? (secure ? 443 : 80) : Number(forwarder.port),
    path: url.href,
    headers: { ...headers, host: url.host, ...proxyAuthorization(forwarder) },
  })
}

function proxyAuthorization({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {}
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return { 'proxy-authorization': `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** On a failure of either side the pipeline ends both, and the request's own error tells. */
function send(body: RequestBody, request: ClientRequest): void {
  const source = Readable.from(body.open(), { objectMode: false })
  pipeline(source, request).catch((error: unknown) => {
    request.destroy(error instanceof Error ? error : new Error(String(error)))
  })
}

/** A whole body of at most `limit` bytes; the connection is freed in any case. */
export async function readBody(response: HttpResponse, limit: number): Promise<Buffer> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body as AsyncIterable<Uint8Array>) {
    size += part.length
    if (size > limit) throw new RangeError(`an answer of more than ${limit} bytes`)
    parts.push(part)
  }
  return Buffer.concat(parts)
}

/** Lets the rest of a body go: read where little is left, cut off where much is. */
export function discard({ body, headers }: HttpResponse): void {
  const left = Number(headers['content-length'] ?? Number.NaN)
  if (left <= 65_536) body.resume()
  else body.destroy()
}
