// Asks a running daemon: one request, one answer.
import * as http from 'node:http'
import { isObject } from '../image/model/json-shape.js'
import { ApiError } from './api-error.js'

/** Milliseconds without a byte of an answer; a stop may take its time. */
const PATIENCE = 60_000

/**
 * The answer's JSON; undefined for one without. Throws an ApiError for what the daemon refuses, or
 * Node's error (ENOENT and ECONNREFUSED where no daemon is).
 * @param socket the path of its socket.
 */
export function askDaemon(
  socket: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const headers = { 'Content-Type': 'application/json', Connection: 'close' }
    const options = { socketPath: socket, method, path, headers, timeout: PATIENCE }
    const request = http.request(options, response => {
      const pieces: Buffer[] = []
      response.on('data', (piece: Buffer) => pieces.push(piece))
      response.on('error', reject)
      response.on('end', () => {
        try {
          resolve(read(response.statusCode ?? 0, Buffer.concat(pieces).toString('utf8')))
        } catch (error) {
          reject(error instanceof Error ? error : new Error(String(error)))
        }
      })
    })
    request.on('timeout', () => request.destroy(new Error('the daemon does not answer')))
    request.on('error', reject)
    request.end(body === undefined ? '' : JSON.stringify(body))
  })
}

function read(status: number, text: string): unknown {
  const json: unknown = text === '' ? undefined : JSON.parse(text)
  if (status < 400) return json
  const error = isObject(json) && isObject(json['error']) ? json['error'] : {}
  throw new ApiError(status, String(error['code']), String(error['message']))
}
