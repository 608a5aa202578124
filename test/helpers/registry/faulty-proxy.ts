// A server that stands before a registry, passes requests on, and breaks what it is told to break.
// Its log says what was asked for and how many bytes went either way.
import * as http from 'node:http'
import { Transform } from 'node:stream'
import { listen, type Listening } from './listening.js'

export interface Exchange {
  readonly method: string
  /** With the query. */
  readonly path: string
  readonly range: string | undefined
  readonly authorization: string | undefined
  /** Bytes of the request's body that arrived. */
  received: number
  /** Bytes of the answer's body that were sent. */
  sent: number
  /** 0 where no answer came about. */
  status: number
}

/** What is done to a request instead of just passing it on. */
export type Fault =
  /** The connection ends after so many bytes of the answer's body. */
  | { readonly kind: 'break-answer'; readonly after: number }
  /** The connection ends after so many bytes of the request's body. */
  | { readonly kind: 'break-request'; readonly after: number }
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
    }
  /** The range that is asked for is not passed on. */
  | { readonly kind: 'no-range' }
  /** The request never sees its answer, though the registry did the work. */
  | { readonly kind: 'swallow-answer' }
  /** After so many bytes of either body nothing moves until `release`, which ends it. */
  | { readonly kind: 'stall'; readonly after: number; readonly reached: () => void }

export interface FaultyProxy extends Listening {
  readonly log: readonly Exchange[]
  /** Decides for each request; undefined passes it on. */
  fault: (exchange: Exchange) => Fault | undefined
  /** Cuts the connections that stand still. */
  release: () => void
}

/** A proxy before a plain HTTP server on the loopback. */
export async function startFaultyProxy(port: number): Promise<FaultyProxy> {
  const log: Exchange[] = []
  const stalled = new Set<() => void>()
  const server = http.createServer((request, response) => {
    const exchange: Exchange = {
      method: request.method ?? '',
      path: request.url ?? '',
      range: request.headers.range,
      authorization: request.headers.authorization,
      ...{ received: 0, sent: 0, status: 0 },
    }
    log.push(exchange)
    const fault = proxy.fault(exchange)
    if (fault?.kind === 'answer') {
      exchange.status = fault.status
      response.writeHead(fault.status, fault.headers).end()
      request.resume()
    } else pass({ request, response, exchange, fault, port, stalled })
  })
  const proxy: FaultyProxy = {
    ...(await listen(server)),
    log,
    fault: () => undefined,
    release: () => {
      for (const cut of stalled) cut()
      stalled.clear()
    },
  }
  return proxy
}

interface Passing {
  readonly request: http.IncomingMessage
  readonly response: http.ServerResponse
  readonly exchange: Exchange
  readonly fault: Fault | undefined
  readonly port: number
  /** What to call to end those that stand still. */
  readonly stalled: Set<() => void>
}

function pass({ request, response, exchange, fault, port, stalled }: Passing): void {
  const forward = http.request({
    ...{ host: '127.0.0.1', port, method: request.method, path: request.url },
    headers: fault?.kind === 'no-range' ? withoutRange(request) : request.headers,
    agent: false,
  })
  const cut = (): void => {
    request.socket.destroy()
    forward.destroy()
  }
  const end = (): void => {
    if (fault?.kind !== 'stall') cut()
    else {
      stalled.add(cut)
      fault.reached()
    }
  }
  forward.on('error', () => {
    if (!stalled.has(cut)) cut()
  })
  forward.on('response', answer => {
    exchange.status = answer.statusCode ?? 0
    answer.on('error', () => {
      if (!stalled.has(cut)) cut()
    })
    if (fault?.kind === 'swallow-answer') {
      answer.resume().on('end', cut)
      return
    }
    response.writeHead(exchange.status, answer.headers)
    const most = limitOf(fault, 'break-answer')
    answer.pipe(counting(most, bytes => (exchange.sent += bytes), end)).pipe(response)
  })
  const most = limitOf(fault, 'break-request')
  request
    .pipe(counting(most, bytes => (exchange.received += bytes), end))
    .on('error', cut)
    .pipe(forward)
}

function withoutRange({ headers }: http.IncomingMessage): http.OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'range'))
}

function limitOf(
  fault: Fault | undefined,
  kind: 'break-answer' | 'break-request',
): number {
  return fault?.kind === kind || fault?.kind === 'stall' ? fault.after : Infinity
}

/** Passes `most` bytes on, tells of each piece, and cuts when there are more. */
function counting(
  most: number,
  tell: (bytes: number) => void,
  cut: () => void,
): Transform {
  let seen = 0
  return new Transform({
    transform(piece: Buffer, _encoding, done) {
      const kept = piece.subarray(0, Math.max(0, most - seen))
      seen += kept.length
      tell(kept.length)
      if (kept.length === piece.length) {
        done(null, kept)
        return
      }
      // What was let through is to arrive before the end does.
      this.push(kept)
      setImmediate(cut)
    },
  })
}
