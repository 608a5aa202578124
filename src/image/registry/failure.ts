// From what went wrong on the way to a registry, or from its answer, to the error that people read
// and whether another try may help.
import { STATUS_CODES } from 'node:http'
import { ImageError } from '../model/errors.js'
import { isObject } from '../model/json-shape.js'
import { isTransientStatus, parseRetryAfter, TransientError } from './backoff.js'
import { type HttpResponse, readBody } from './http.js'

/** Bytes of an error's body that are looked at. */
const MOST = 65_536

/** The error for an answer that was not expected; its body is read or dropped. */
export async function failureOf(
  response: HttpResponse,
  what: string,
): Promise<ImageError | TransientError> {
  const { status, headers } = response
  const said = await readBody(response, MOST).then(explain, () => undefined)
  const reason = said ?? STATUS_CODES[status] ?? 'no reason given'
  const error = new ImageError(codeOf(status), `${what}: ${status} ${reason}`, { status })
  if (!isTransientStatus(status)) return error
  return new TransientError(error, parseRetryAfter(headers['retry-after'], Date.now()))
}

function codeOf(status: number): 'unauthorized' | 'not-found' | 'registry' {
  if (status === 401 || status === 403) return 'unauthorized'
  return status === 404 ? 'not-found' : 'registry'
}

/** What the distribution specification's "Error Codes" say, or a token server's `details`. */
function explain(body: Buffer): string | undefined {
  let document: unknown
  try {
    document = JSON.parse(body.toString('utf8'))
  } catch {
    // A proxy's page, or none: the status has to do.
    return undefined
  }
  if (!isObject(document)) return undefined
  const errors: unknown = document['errors']
  const told: unknown[] = Array.isArray(errors) ? errors : [document]
  const lines = told.filter(isObject).map(({ code, message, details }) =>
    [message ?? details, code]
      .filter(text => typeof text === 'string' && text !== '')
      .map(text => oneLine(String(text)))
      .join(', '),
  )
  const text = lines.filter(line => line !== '').join('; ')
  return text === '' ? undefined : text
}

/** A registry's words end up on a terminal: no control characters, not too many of them. */
function oneLine(text: string): string {
  return text.replace(/[^ -~\u00a0-\uffff]+/g, ' ').slice(0, 300)
}

/** Codes with which the other end cannot be reached at all. */
const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
])
/** Codes of a connection that broke, or never came about in time. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ECONNABORTED'])

/**
 * The error for a request that got no answer, or half of one. Errors that are none of the network's
 * come back as they are.
 * @param contacted the server answered before: being unreachable may pass.
 */
export function networkFailure(
  error: unknown,
  host: string,
  contacted: boolean,
): unknown {
  if (!(error instanceof Error)) return error
  if (error instanceof ImageError || error instanceof TransientError) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const tls = tlsFailure(code, error.message, host)
  if (tls !== undefined) return tls
  const plain = new ImageError('network', `${host}: ${reasonOf(error, code)}`, {}, error)
  if (BROKEN.has(code)) return new TransientError(plain)
  if (UNREACHABLE.has(code)) return contacted ? new TransientError(plain) : plain
  // Node's parser of HTTP: HPE_...
  return code.startsWith('HPE_') ? plain : error
}

/** Node wraps the attempts on several addresses; their own messages say more. */
function reasonOf(error: Error, code: string): string {
  if (code === 'ENOTFOUND') return 'there is no such host'
  if (code === 'ECONNREFUSED') return 'connection refused'
  const message = error.message === '' ? code : error.message
  return message === 'aborted' ? 'the connection broke' : message
}

const UNTRUSTED =
  /^(UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|CERT_|ERR_TLS_CERT|CRL_|INVALID_(CA|PURPOSE)|HOSTNAME_MISMATCH)/

function tlsFailure(code: string, message: string, host: string): ImageError | undefined {
  if (UNTRUSTED.test(code))
    return new ImageError(
      'network',
      `${host}: its certificate is not trusted (${message}); put the authority's into ` +
        `/etc/containers/certs.d/${host}/ca.crt, or name the host in insecureRegistries`,
    )
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || message.includes('wrong version number'))
    return new ImageError(
      'network',
      `${host} does not speak TLS; name it in insecureRegistries to talk to it without`,
    )
  if (!code.startsWith('ERR_SSL_') && code !== 'EPROTO') return undefined
  return new ImageError('network', `${host}: TLS failed (${code}: ${message.trim()})`)
}
