// Uploads of a registry that is strict to the distribution specification, in memory: chunks have to
// follow each other (416 otherwise), and an upload that broke says how far it got.
import { randomUUID } from 'node:crypto'
import * as http from 'node:http'
import { digestOf } from './oci-layout.js'
import { listen, type Listening } from './listening.js'

export interface StubUploads extends Listening {
  /** `METHOD kind range -> status`, of every request. */
  readonly log: string[]
  readonly blobs: Map<string, Buffer>
  /** Bytes of bodies that arrived. */
  received: number
  /** Cuts the next body that is longer after so many bytes, which are kept. */
  breakAfter: number | undefined
  /** Answers PATCH with 405. */
  withoutChunks: boolean
  /** Forgets uploads when asked for their state. */
  forgetful: boolean
}

export async function startStubUploads(): Promise<StubUploads> {
  const sessions = new Map<string, Buffer>()
  const server = http.createServer((request, response) => {
    void serve(stub, sessions, request, response)
  })
  const stub: StubUploads = {
    ...(await listen(server)),
    ...{ log: [], blobs: new Map(), received: 0, breakAfter: undefined },
    ...{ withoutChunks: false, forgetful: false },
  }
  return stub
}

async function serve(
  stub: StubUploads,
  sessions: Map<string, Buffer>,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://stub')
  const session = /\/uploads\/([\w-]+)$/.exec(url.pathname)?.[1]
  const answer = (status: number, headers: http.OutgoingHttpHeaders = {}): void => {
    const kind = session === undefined ? url.pathname.split('/').at(-2) : 'upload'
    const range = request.headers['content-range'] ?? ''
    stub.log.push(`${request.method ?? ''} ${kind ?? ''} ${range} -> ${status}`)
    response.writeHead(status, headers).end()
  }
  if (request.method === 'POST') {
    const id = randomUUID()
    sessions.set(id, Buffer.alloc(0))
    answer(202, { location: `/v2/app/blobs/uploads/${id}` })
  } else if (session === undefined) {
    const known = stub.blobs.has(url.pathname.split('/').at(-1) ?? '')
    const bytes = await bodyOf(stub, request)
    if (request.method === 'PUT')
      answer(201, bytes === undefined ? {} : { 'docker-content-digest': digestOf(bytes) })
    else answer(known || url.pathname === '/v2/' ? 200 : 404)
  } else await serveUpload(stub, sessions, session, request, answer)
}

async function serveUpload(
  stub: StubUploads,
  sessions: Map<string, Buffer>,
  id: string,
  request: http.IncomingMessage,
  answer: (status: number, headers?: http.OutgoingHttpHeaders) => void,
): Promise<void> {
  const held = sessions.get(id)
  const location = request.url
  if (request.method === 'GET') {
    if (stub.forgetful) sessions.delete(id)
    if (held === undefined || stub.forgetful) answer(404)
    else answer(204, { location, range: `0-${Math.max(0, held.length - 1)}` })
    return
  }
  const start = /^(\d+)-/.exec(request.headers['content-range'] ?? '')?.[1]
  const body = await bodyOf(stub, request, part => {
    sessions.set(id, Buffer.concat([sessions.get(id) ?? Buffer.alloc(0), part]))
  })
  if (body === undefined) return
  if (held === undefined) answer(404)
  else if (request.method === 'PATCH' && stub.withoutChunks) answer(405)
  else if (start !== undefined && Number(start) !== held.length) answer(416)
  else if (request.method === 'PATCH') {
    const whole = Buffer.concat([held, body])
    sessions.set(id, whole)
    answer(202, { location, range: `0-${whole.length - 1}` })
  } else {
    const whole = Buffer.concat([held, body])
    const digest = new URL(request.url ?? '', 'http://stub').searchParams.get('digest')
    if (digest !== digestOf(whole)) {
      answer(400)
      return
    }
    stub.blobs.set(digest, whole)
    answer(201)
  }
}

/** The body; undefined when it was cut, and `keep` then has what came. */
async function bodyOf(
  stub: StubUploads,
  request: http.IncomingMessage,
  keep: (part: Buffer) => void = () => undefined,
): Promise<Buffer | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    parts.push(part)
    size += part.length
    stub.received += part.length
    if (stub.breakAfter === undefined || size <= stub.breakAfter) continue
    stub.breakAfter = undefined
    keep(Buffer.concat(parts))
    request.socket.destroy()
    return undefined
  }
  return Buffer.concat(parts)
}
