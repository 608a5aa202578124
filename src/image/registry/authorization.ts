// Answers to a registry's challenges: Basic credentials, or Bearer tokens for just the scopes a
// request needs (distribution project, "Token Authentication Specification" and its OAuth2 form).
// Tokens live in memory alone. Credentials go to the registry and to the realm it names.
import { bytesOf } from '../../bytes/byte-source.js'
import type { Credentials } from '../config/auth-file.js'
import { ImageError } from '../model/errors.js'
import { isObject, parseJson } from '../model/json-shape.js'
import type { Challenge } from './challenge.js'
import { failureOf } from './failure.js'
import { type HttpRequest, type HttpResponse, readBody } from './http.js'

/** How a token server is asked. */
export type Ask = (request: HttpRequest) => Promise<HttpResponse>

interface Token {
  readonly text: string
  /** Milliseconds since the epoch. */
  readonly expires: number
}

/** What the specification says of tokens that say nothing of their life. */
const LIFE = 60
/** Seconds before its end at which a token is not used any more. */
const MARGIN = 5
const MOST = 1024 * 1024

export class Authorization {
  private challenge: Challenge | undefined
  private readonly tokens = new Map<string, Promise<Token>>()
  private readonly host: string
  private readonly ask: Ask
  private readonly credentials: () => Promise<Credentials | undefined>

  /** @param host as in images' names, for messages. */
  constructor(
    host: string,
    ask: Ask,
    credentials: () => Promise<Credentials | undefined>,
  ) {
    this.host = host
    this.ask = ask
    this.credentials = credentials
  }

  /**
   * The Authorization header for a request; none before the registry has asked for one.
   * @throws ImageError `unauthorized`, or what the token server's answer is.
   */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    if (this.challenge === undefined) return undefined
    if (this.challenge.scheme === 'basic') return basic(await this.credentials())
    return `Bearer ${await this.token(this.challenge, scopes)}`
  }

  /**
   * Takes a challenge in; a token that the registry did not believe is not shown again.
   * @param shown the header that the refused request had.
   * @returns false where nothing can answer it: no credentials, or none that it takes.
   */
  async learn(
    challenge: Challenge,
    scopes: readonly string[],
    shown: string | undefined,
  ): Promise<boolean> {
    this.challenge = challenge
    if (challenge.scheme === 'basic')
      return shown === undefined && basic(await this.credentials()) !== undefined
    const key = keyOf(wanted(challenge, scopes))
    const known = this.tokens.get(key)
    const refused = known !== undefined && `Bearer ${(await known).text}` === shown
    if (refused && this.tokens.get(key) === known) this.tokens.delete(key)
    return true
  }

  /** Who it answers for; undefined for nobody. */
  async user(): Promise<string | undefined> {
    const credentials = await this.credentials()
    if (credentials === undefined) return undefined
    return credentials.kind === 'password' ? credentials.user : 'the owner of a token'
  }

  private async token(
    challenge: Challenge & { scheme: 'bearer' },
    scopes: readonly string[],
  ): Promise<string> {
    const key = keyOf(wanted(challenge, scopes))
    const known = this.tokens.get(key)
    if (known !== undefined) {
      const { text, expires } = await known
      if (expires > Date.now()) return text
      if (this.tokens.get(key) === known) this.tokens.delete(key)
    }
    // Requests side by side share the first one's.
    const fetched =
      this.tokens.get(key) ?? this.fetchToken(challenge, wanted(challenge, scopes))
    this.tokens.set(key, fetched)
    try {
      return (await fetched).text
    } catch (error) {
      if (this.tokens.get(key) === fetched) this.tokens.delete(key)
      throw error
    }
  }

  private async fetchToken(
    challenge: Challenge & { scheme: 'bearer' },
    scopes: readonly string[],
  ): Promise<Token> {
    if (!URL.canParse(challenge.realm))
      throw new ImageError('registry', `${this.host}: no URL: realm ${challenge.realm}`)
    const realm = new URL(challenge.realm)
    const credentials = await this.credentials()
    const request =
      credentials?.kind === 'identity-token'
        ? exchangeRequest(realm, challenge.service, scopes, credentials.token)
        : tokenRequest(realm, challenge.service, scopes, credentials)
    const response = await this.ask(request)
    if (response.status !== 200)
      throw await failureOf(response, `${this.host}: token server ${realm.host}`)
    return parseToken(await readBody(response, MOST), `token of ${realm.host}`)
  }
}

function basic(credentials: Credentials | undefined): string | undefined {
  if (credentials?.kind !== 'password') return undefined
  const pair = `${credentials.user}:${credentials.password}`
  return `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`
}

/** What we ask for, and what the registry says that it misses. */
function wanted(
  { scope }: Challenge & { scheme: 'bearer' },
  scopes: readonly string[],
): string[] {
  const missing = scopes.length === 0 && scope !== undefined ? scope.split(' ') : []
  return [...new Set([...scopes, ...missing])].toSorted()
}

function keyOf(scopes: readonly string[]): string {
  return scopes.join(' ')
}

function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): HttpRequest {
  const url = new URL(realm)
  if (service !== undefined) url.searchParams.set('service', service)
  for (const scope of scopes) url.searchParams.append('scope', scope)
  if (credentials?.kind === 'password') url.searchParams.set('account', credentials.user)
  const authorization = basic(credentials)
  return {
    method: 'GET',
    url,
    headers: authorization === undefined ? {} : { authorization },
  }
}

/** The OAuth2 form: an identity token is exchanged for an access token. */
function exchangeRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  identityToken: string,
): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token: identityToken,
    client_id: 'plyfs',
    service: service ?? '',
    scope: scopes.join(' '),
  })
  const bytes = Buffer.from(form.toString())
  return {
    method: 'POST',
    url: realm,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: { length: bytes.length, open: () => bytesOf(bytes) },
  }
}

function parseToken(bytes: Buffer, what: string): Token {
  const document = parseJson(bytes, what)
  const { token, access_token, expires_in } = isObject(document) ? document : {}
  const text = [token, access_token].find(found => typeof found === 'string')
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text))
    throw new ImageError('registry', `${what}: there is none in the answer`)
  const life = typeof expires_in === 'number' && expires_in > 0 ? expires_in : LIFE
  return { text, expires: Date.now() + Math.max(1, life - MARGIN) * 1000 }
}
