// The agents and TLS settings of each server that a command talks to: kept alive, a few at a time,
// through a proxy where the variables say so. Nothing is verified less than `insecure` was granted.
import { HttpsProxyAgent } from 'https-proxy-agent'
import * as http from 'node:http'
import * as https from 'node:https'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { certificatesFor } from '../config/certificates.js'
import type { Environment } from '../config/environment.js'
import { ImageError } from '../model/errors.js'
import { proxyFor } from './proxy.js'

/** How one server is reached. */
export interface Connection {
  readonly agent: http.Agent
  /** An http:// server behind a proxy, which is sent the whole URL (RFC 9112, 3.2.2). */
  readonly forwarder?: URL
  /** TLS alone. */
  readonly secureContext?: SecureContext
  readonly rejectUnauthorized: boolean
}

/** What is asked of a server's certificate. */
export interface Trust {
  /** HOST[:PORT] under which certs.d has certificates for it, and a key to show it. */
  readonly name: string
  /** A registry whose authorities are taken too. */
  readonly trustedLike?: string
  /** Any certificate will do. */
  readonly insecure: boolean
}

/** Sockets to one server: enough for the layers that are carried at once. */
const SOCKETS = 8

export class Connections {
  private readonly known = new Map<string, Connection>()
  private readonly environment: Environment

  constructor(environment: Environment) {
    this.environment = environment
  }

  /**
   * The connection to a URL's server.
   * @throws ImageError `invalid` for certificates or proxies that cannot be read.
   */
  to(url: URL, trust: Trust): Connection {
    const key = `${url.origin} ${JSON.stringify(trust)}`
    const known = this.known.get(key) ?? this.make(url, trust)
    this.known.set(key, known)
    return known
  }

  /** Ends idle connections; those in use are left to their requests. */
  close(): void {
    for (const { agent } of this.known.values()) agent.destroy()
    this.known.clear()
  }

  private make(url: URL, trust: Trust): Connection {
    const options = { keepAlive: true, maxSockets: SOCKETS, scheduling: 'lifo' as const }
    const proxy = proxyFor(url, this.environment.variables)
    if (url.protocol === 'http:')
      return {
        agent:
          proxy?.protocol === 'https:'
            ? new https.Agent(options)
            : new http.Agent(options),
        ...(proxy === undefined ? {} : { forwarder: proxy }),
        rejectUnauthorized: true,
      }
    return {
      agent:
        proxy === undefined
          ? new https.Agent(options)
          : new HttpsProxyAgent(proxy, options),
      secureContext: this.secureContext(trust),
      rejectUnauthorized: !trust.insecure,
    }
  }

  private secureContext({ name, trustedLike }: Trust): SecureContext {
    const { authorities, system, client } = certificatesFor(name, this.environment)
    const more =
      trustedLike === undefined
        ? []
        : certificatesFor(trustedLike, this.environment).authorities
    try {
      return createSecureContext({
        // Node's own list where the system keeps none.
        ca: [
          ...authorities,
          ...more,
          ...(system === undefined ? rootCertificates : [system]),
        ],
        ...(client === undefined ? {} : { cert: client.certificate, key: client.key }),
      })
    } catch (error) {
      const why = error instanceof Error ? error.message : ''
      throw new ImageError('invalid', `certs.d/${name}: ${why}`, {}, error)
    }
  }
}
