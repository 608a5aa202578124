// Whom a connection to a registry trusts and what it shows: the system's authorities, and those,
// client certificates and keys in certs.d directories (containers-certs.d(5)). Read, never written.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { ImageError } from '../model/errors.js'
import { type Environment, userConfig, variable } from './environment.js'
import { readText } from './toml-file.js'

export interface Certificates {
  /** PEM texts: those configured for the host. */
  readonly authorities: readonly string[]
  /** PEM text: the system's; undefined where it keeps none that we know of. */
  readonly system?: string
  readonly client?: { readonly certificate: string; readonly key: string }
}

/** Where distributions keep their authorities as one file, as Go's crypto/x509 looks for them. */
const SYSTEM_BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
]

/**
 * What is configured for a registry: all directories with its name are read, the user's first, and
 * the first client certificate found is shown.
 * @param host HOST[:PORT] as in the image's name.
 * @throws ImageError `invalid` for a certificate without its key, or the reverse.
 */
export function certificatesFor(host: string, environment: Environment): Certificates {
  const found = [
    userConfig(environment, 'containers', 'certs.d'),
    '/etc/containers/certs.d',
    '/etc/docker/certs.d',
  ]
    .map(directory => path.join(directory, host))
    .map(readDirectory)
  const client = found.find(each => each.client !== undefined)?.client
  const system = systemAuthorities(environment)
  return {
    authorities: found.flatMap(({ authorities }) => authorities),
    ...(system === undefined ? {} : { system }),
    ...(client === undefined ? {} : { client }),
  }
}

function readDirectory(directory: string): Certificates {
  const names = listDirectory(directory)
  const read = (name: string): string => readText(path.join(directory, name)) ?? ''
  const authorities = names.filter(name => name.endsWith('.crt')).map(read)
  const pairs = names
    .filter(name => name.endsWith('.cert'))
    .map(name => name.slice(0, -'.cert'.length))
  const keys = names
    .filter(name => name.endsWith('.key'))
    .map(name => name.slice(0, -'.key'.length))
  const alone = pairs.find(name => !keys.includes(name))
  if (alone !== undefined)
    throw new ImageError('invalid', `${directory}/${alone}.cert has no ${alone}.key`)
  const lost = keys.find(name => !pairs.includes(name))
  if (lost !== undefined)
    throw new ImageError('invalid', `${directory}/${lost}.key has no ${lost}.cert`)
  const [first] = pairs
  if (first === undefined) return { authorities }
  return {
    authorities,
    client: { certificate: read(`${first}.cert`), key: read(`${first}.key`) },
  }
}

function listDirectory(directory: string): string[] {
  try {
    return fs.readdirSync(directory).toSorted()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return []
    throw new ImageError('invalid', `cannot read ${directory}: ${String(code)}`)
  }
}

/** The bundle in which an administrator's own authorities are too. */
function systemAuthorities(environment: Environment): string | undefined {
  const chosen = variable(environment, 'SSL_CERT_FILE')
  for (const file of chosen === undefined ? SYSTEM_BUNDLES : [chosen]) {
    const text = readText(file)
    if (text !== undefined) return text
  }
  return undefined
}
