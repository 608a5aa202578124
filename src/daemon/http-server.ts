// HTTP on a unix socket: who may speak, how much, and for how long. What is said is api.ts's.
import * as http from 'node:http'
import type { Socket } from 'node:net'
import { log } from '../log/log.js'
import { ApiError, apiErrorOf } from './api-error.js'
import { type Peer, peerOf } from './peer.js'

/** Bytes of a request: arguments and environment of a command have 2 MiB at most by default. */
const MOST_BYTES = 4 * 1024 * 1024
const MOST_CONNECTIONS = 256
/** Milliseconds for a client to say what it wants. */
const PATIENCE = 10_000

export interface ApiRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: http.IncomingHttpHeaders
  readonly body: Buffer
  readonly peer: Peer
  /** Aborted when the client has gone before it was answered. */
  readonly signal: AbortSignal
}

/** An answer, or a function that writes one while it comes about. */
export type ApiAnswer =
  | { readonly status: number; readonly json?: unknown }
  | { readonly stream: (response: http.ServerResponse) => Promise<void> }

export type Handler = (request: ApiRequest) => Promise<ApiAnswer>

/** @param mayConnect tells by its user who may. */
export function createApiServer(
  handler: Handler,
  mayConnect: (peer: Peer) => boolean,
): http.Server {
  const peers = new WeakMap<Socket, Peer>()
  const server = http.createServer(
    {
      maxHeaderSize: 16 * 1024,
      headersTimeout: PATIENCE,
      requestTimeout: PATIENCE,
      keepAliveTimeout: PATIENCE,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      const peer = peers.get(request.socket)
      if (peer === undefined || !mayConnect(peer)) refuse(response, peer)
      else void answer(handler, peer, request, response)
    },
  )
  server.maxConnections = MOST_CONNECTIONS
  server.on('connection', (socket: Socket) => {
    try {
      peers.set(socket, peerOf(socket))
    } catch (error) {
      // It has gone already, or nobody knows who it is.
      log.warn(`a connection: ${String(error)}`)
      socket.destroy()
    }
  })
  return server
}

function refuse(response: http.ServerResponse, peer: Peer | undefined): void {
  const message = `user ${peer?.uid ?? '?'} may not use this daemon`
  response.setHeader('Connection', 'close')
  send(response, 403, { error: { code: 'EACCES', message } })
}

async function answer(
  handler: Handler,
  peer: Peer,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  response.once('close', () => {
    gone.abort()
  })
  // Who does not take an answer has gone, which `close` tells.
  response.on('error', () => undefined)
  try {
    const body = await bodyOf(request)
    const url = new URL(request.url ?? '/', 'http://localhost')
    const answered = await handler({
      method: request.method ?? 'GET',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
      peer,
      signal: gone.signal,
    })
    if ('stream' in answered) await answered.stream(response)
    else send(response, answered.status, answered.json)
  } catch (error) {
    fail(response, error)
  }
}

async function bodyOf(request: http.IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > MOST_BYTES)
      throw new ApiError(413, 'limit', `a request has ${MOST_BYTES} bytes at most`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function fail(response: http.ServerResponse, error: unknown): void {
  // A client that went half way has nobody to tell.
  if (response.destroyed || response.writableEnded) return
  const known = apiErrorOf(error)
  if (known === null) log.error(`a request failed: ${String(error)}`, error)
  if (response.headersSent) {
    response.destroy()
    return
  }
  const { status, code, message } =
    known ?? new ApiError(500, 'internal', 'see what the daemon has logged')
  if (status === 413) response.setHeader('Connection', 'close')
  send(response, status, { error: { code, message } })
}

function send(response: http.ServerResponse, status: number, json: unknown): void {
  response.statusCode = status
  if (json === undefined) {
    response.end()
    return
  }
  response.setHeader('Content-Type', 'application/json')
  response.end(`${JSON.stringify(json)}\n`)
}
