// A token server for docker-registry (distribution project, "Token Authentication Specification"):
// it checks name and password, and signs tokens for what was asked. Keeps what it was asked for.
import {
  createHash,
  createPublicKey,
  randomUUID,
  sign,
  X509Certificate,
} from 'node:crypto'
import * as fs from 'node:fs'
import * as http from 'node:http'
import * as https from 'node:https'
import type { Pair } from './certificates.js'
import { listen, type Listening } from './listening.js'

export interface TokenServer extends Listening {
  readonly realm: string
  readonly service: string
  readonly issuer: string
  /** The scopes of each request, and who asked. */
  readonly asked: readonly { user: string | undefined; scopes: readonly string[] }[]
}

export interface TokenOptions {
  readonly users: Readonly<Record<string, string>>
  /** What tokens are signed with: its certificate is docker-registry's rootcertbundle. */
  readonly signing: Pair
  readonly tls?: Pair
  /** Seconds that a token is said to live. */
  readonly life?: number
}

/** Anybody may pull; users may push too. */
export async function startTokenServer(options: TokenOptions): Promise<TokenServer> {
  const { users, tls, life = 300 } = options
  const asked: { user: string | undefined; scopes: string[] }[] = []
  const answer: http.RequestListener = (request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const scopes = url.searchParams.getAll('scope')
    const [name, password] = credentialsOf(request)
    if (name !== undefined && users[name] !== password) {
      response.writeHead(401, { 'content-type': 'application/json' })
      response.end('{"details":"incorrect username or password"}')
      return
    }
    asked.push({ user: name, scopes })
    const token = makeToken(options.signing, name, scopes, life)
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ token, expires_in: life }))
  }
  const server =
    tls === undefined
      ? http.createServer(answer)
      : https.createServer(
          { cert: fs.readFileSync(tls.certificate), key: fs.readFileSync(tls.key) },
          answer,
        )
  const listening = await listen(server)
  const scheme = tls === undefined ? 'http' : 'https'
  const realm = `${scheme}://${listening.host}/token`
  return { ...listening, realm, service: SERVICE, issuer: ISSUER, asked }
}

const SERVICE = 'registry of the test'
const ISSUER = 'token server of the test'

function credentialsOf(request: http.IncomingMessage): string[] {
  const basic = /^Basic (.*)$/.exec(request.headers.authorization ?? '')?.[1]
  if (basic === undefined) return []
  const [, name = '', password = ''] =
    /^([^:]*):(.*)$/.exec(Buffer.from(basic, 'base64').toString()) ?? []
  return [name, password]
}

function makeToken(
  { certificate, key }: Pair,
  user: string | undefined,
  scopes: readonly string[],
  life: number,
): string {
  const now = Math.floor(Date.now() / 1000)
  const parsed = new X509Certificate(fs.readFileSync(certificate))
  const header = { typ: 'JWT', alg: 'ES256', kid: keyId(parsed) }
  const claims = {
    ...{ iss: ISSUER, sub: user ?? '', aud: SERVICE, jti: randomUUID() },
    ...{ iat: now, nbf: now - 10, exp: now + life },
    access: scopes.map(scope => accessOf(scope, user)),
  }
  const text = [header, claims]
    .map(part => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  const signature = sign('sha256', Buffer.from(text), {
    key: fs.readFileSync(key),
    dsaEncoding: 'ieee-p1363',
  })
  return `${text}.${signature.toString('base64url')}`
}

function accessOf(scope: string, user: string | undefined): unknown {
  const [type = '', name = '', actions = ''] = scope.split(':')
  const allowed = actions
    .split(',')
    .filter(action => user !== undefined || action === 'pull')
  return { type, name, actions: allowed }
}

/** libtrust's fingerprint: base32 of the key's SHA-256, twelve groups of four. */
function keyId(certificate: X509Certificate): string {
  const der = createPublicKey(certificate.toString()).export({
    type: 'spki',
    format: 'der',
  })
  const hash = createHash('sha256').update(der).digest().subarray(0, 30)
  return (base32(hash).match(/.{4}/g) ?? []).join(':')
}

function base32(bytes: Buffer): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  return (bits.match(/.{5}/g) ?? []).map(five => alphabet[parseInt(five, 2)]).join('')
}
