// Requests to one repository of a registry, with all that stands between a request and its answer:
// TLS or not, redirects, challenges and tokens, tries anew. It knows nothing of images.
import { findCredentials } from '../config/credentials.js'
import type { Credentials } from '../config/auth-file.js'
import type { Environment } from '../config/environment.js'
import { isInsecure, type Settings } from '../config/settings.js'
import { ImageError } from '../model/errors.js'
import { Authorization } from './authorization.js'
import { type RetryPolicy, retrying } from './backoff.js'
import { chooseChallenge } from './challenge.js'
import type { Connection, Connections } from './connections.js'
import { apiHost, type Endpoint } from './endpoint.js'
import { failureOf, networkFailure } from './failure.js'
import {
  discard,
  exchange,
  type HttpRequest,
  type HttpResponse,
  type Method,
  type RequestBody,
} from './http.js'
import { follow } from './redirect.js'

/** What all requests of a command share. */
export interface Network {
  readonly environment: Environment
  readonly settings: Settings
  readonly connections: Connections
  readonly policy: RetryPolicy
  /** A line for people: why it takes longer. */
  readonly note: (line: string) => void
}

/** A request to the registry. */
export interface Call {
  readonly method: Method
  /** Below /v2/, or from the root with a slash before it, or a URL that the registry named. */
  readonly at: string | URL
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: RequestBody
  /** `repository:NAME:pull`, as token servers have them. */
  readonly scopes: readonly string[]
  /** Statuses that are an answer; all others are errors. */
  readonly expected: readonly number[]
  /** What it is about, for the error: `manifest of a/b:latest`. */
  readonly what: string
}

export class RegistryClient {
  readonly endpoint: Endpoint
  readonly network: Network
  private readonly authorization: Authorization
  private found: Promise<URL> | undefined
  private contacted = false

  /** @param credentials used instead of those on file, for a login that is only tried. */
  constructor(endpoint: Endpoint, network: Network, credentials?: Credentials) {
    this.endpoint = endpoint
    this.network = network
    const { host, repository } = endpoint
    let onFile: Promise<Credentials | undefined> | undefined
    this.authorization = new Authorization(
      host,
      request => this.askTokenServer(request),
      () => {
        if (credentials !== undefined) return Promise.resolve(credentials)
        return (onFile ??= findCredentials(
          host,
          repository === '' ? undefined : repository,
          network.environment,
          network.settings,
        ))
      },
    )
  }

  /** The answer, after as many tries as the policy allows. @throws ImageError. */
  request(call: Call): Promise<HttpResponse> {
    return this.retrying(() => this.attempt(call))
  }

  /** Tries a step of several requests anew when one of them fails in passing. @throws ImageError. */
  retrying<T>(step: (progressed: () => void) => Promise<T>): Promise<T> {
    const { policy, note } = this.network
    return retrying(policy, step, (delay, why: ImageError) =>
      note(`${why.message}; trying again in ${(delay / 1000).toFixed(1)} s`),
    )
  }

  /** One try. @throws ImageError, or TransientError where another may help. */
  async attempt(call: Call): Promise<HttpResponse> {
    const base = await this.base()
    const url = urlOf(call.at, base)
    const shown = await this.headerFor(url, call)
    const response = await this.send(call, url, shown)
    const settled =
      response.status === 401 && response.url.origin === base.origin
        ? await this.answerChallenge(call, url, shown, response)
        : response
    if (call.expected.includes(settled.status)) return settled
    throw await failureOf(settled, await this.told(call, settled.status))
  }

  /** A failure on the way, or in the middle of an answer's body, as `attempt` would throw it. */
  failure(error: unknown): unknown {
    return networkFailure(error, this.endpoint.host, this.contacted)
  }

  /** What it was about, and for whom it was refused. */
  private async told({ what }: Call, status: number): Promise<string> {
    const { host } = this.endpoint
    if (status !== 401 && status !== 403) return `${host}: ${what}`
    const known = await this.authorization.user()
    return known === undefined
      ? `${host}: ${what}, without a login ('plyfs login ${host}')`
      : `${host}: ${what}, as ${known}`
  }

  private async answerChallenge(
    call: Call,
    url: URL,
    shown: string | undefined,
    response: HttpResponse,
  ): Promise<HttpResponse> {
    const challenge = chooseChallenge(response.headers['www-authenticate'])
    if (challenge === undefined) return response
    if (!(await this.authorization.learn(challenge, call.scopes, shown))) return response
    discard(response)
    return this.send(call, url, await this.headerFor(url, call))
  }

  /** Credentials are for the registry: a URL of another origin that it names gets none. */
  private async headerFor(url: URL, { scopes }: Call): Promise<string | undefined> {
    const base = await this.base()
    return url.origin === base.origin ? this.authorization.header(scopes) : undefined
  }

  private async send(
    { method, headers, body }: Call,
    url: URL,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    const request: HttpRequest = {
      method,
      url,
      headers: { ...headers, ...(authorization === undefined ? {} : { authorization }) },
      ...(body === undefined ? {} : { body }),
    }
    try {
      const response = await follow(
        request,
        target => this.connection(target),
        target => this.mayBeInsecure(target),
      )
      this.contacted = true
      return response
    } catch (error) {
      throw this.failure(error)
    }
  }

  private connection(url: URL): Connection {
    const { host } = this.endpoint
    const own = url.host === apiHost(host)
    return this.network.connections.to(url, {
      name: own ? host : url.host,
      insecure: this.mayBeInsecure(url),
    })
  }

  private mayBeInsecure(url: URL): boolean {
    const { host, insecure } = this.endpoint
    if (url.host === apiHost(host)) return insecure
    return isInsecure(this.network.settings, url.host)
  }

  /**
   * The token server is trusted as the registry that names it is: by the same authorities, without
   * TLS only where the registry may do without.
   */
  private async askTokenServer(request: HttpRequest): Promise<HttpResponse> {
    const { insecure, host } = this.endpoint
    const mayBe = (url: URL): boolean => insecure || this.mayBeInsecure(url)
    if (request.url.protocol !== 'https:' && !mayBe(request.url))
      throw new ImageError(
        'registry',
        `${host} names a token server without TLS, ${request.url.host}`,
      )
    const connect = (url: URL): Connection =>
      this.network.connections.to(url, {
        name: url.host,
        trustedLike: host,
        insecure: mayBe(url),
      })
    try {
      return await follow(request, connect, mayBe)
    } catch (error) {
      throw networkFailure(error, request.url.host, this.contacted)
    }
  }

  /** https://HOST, or http://HOST where that is allowed and TLS is not spoken there. */
  private base(): Promise<URL> {
    this.found ??= this.findBase().catch((error: unknown) => {
      this.found = undefined
      throw error
    })
    return this.found
  }

  private async findBase(): Promise<URL> {
    const host = apiHost(this.endpoint.host)
    const secure = new URL(`https://${host}`)
    if (!this.endpoint.insecure) return secure
    try {
      const url = new URL('/v2/', secure)
      discard(await exchange({ method: 'GET', url, headers: {} }, this.connection(url)))
      return secure
    } catch (error) {
      // Whatever keeps TLS from working there; the request over HTTP tells of its own failures.
      if (error instanceof ImageError) throw error
      return new URL(`http://${host}`)
    }
  }
}

function urlOf(at: string | URL, base: URL): URL {
  if (typeof at !== 'string') return at
  return new URL(at.startsWith('/') ? at : `/v2/${at}`, base)
}
