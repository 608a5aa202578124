// `login` and `logout`: the registry is asked first, and only what it takes is kept.
import type { Credentials } from './config/auth-file.js'
import {
  forgetCredentials,
  type Forgotten,
  type Place,
  saveCredentials,
} from './config/credentials.js'
import type { Environment } from './config/environment.js'
import type { Settings } from './config/settings.js'
import { ImageError } from './model/errors.js'
import { DEFAULT_HOST } from './model/reference.js'
import { type Network, RegistryClient } from './registry/client.js'
import { hostEndpoint } from './registry/endpoint.js'
import { discard } from './registry/http.js'

/**
 * Tries credentials and keeps them where podman would.
 * @param server HOST[:PORT][/PATH]; a URL is taken too. Docker Hub where it is absent.
 * @throws ImageError `unauthorized` when the registry refuses them; nothing is kept then.
 */
export async function login(
  server: string | undefined,
  user: string,
  password: string,
  network: Network,
): Promise<Place> {
  const key = serverKey(server)
  const credentials: Credentials = { kind: 'password', user, password }
  if (user === '' || user.includes(':'))
    throw new ImageError('invalid', `'${user}' is no user name`)
  await check(key, credentials, network)
  return saveCredentials(key, credentials, network.environment, network.settings)
}

async function check(
  key: string,
  credentials: Credentials,
  network: Network,
): Promise<void> {
  const [host = '', ...path] = key.split('/')
  const endpoint = { ...hostEndpoint(host, network.settings), repository: path.join('/') }
  const client = new RegistryClient(endpoint, network, credentials)
  const response = await client.request({
    method: 'GET',
    at: '',
    scopes: [],
    expected: [200],
    what: 'login',
  })
  discard(response)
}

/** Forgets the credentials of a server. @throws ImageError `invalid`. */
export function logout(
  server: string | undefined,
  environment: Environment,
  settings: Settings,
): Promise<Forgotten> {
  return forgetCredentials(serverKey(server), environment, settings)
}

/** What credentials are filed under. @throws ImageError `invalid`. */
export function serverKey(server = DEFAULT_HOST): string {
  const key = server.replace(/^https?:\/\//, '').replace(/(\/v[12])?\/*$/, '')
  const host = key.split('/', 1)[0] ?? ''
  if (!/^[A-Za-z0-9.-]+(:\d+)?$|^\[[0-9a-fA-F:]+\](:\d+)?$/.test(host))
    throw new ImageError('invalid', `'${server}' is no registry: write HOST[:PORT]`)
  const names = ['index.docker.io', 'registry-1.docker.io']
  return names.includes(host) ? key.replace(host, DEFAULT_HOST) : key
}
