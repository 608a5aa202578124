// Names of images (the grammar of the distribution project's `reference` package, with Docker's
// defaults): [HOST[:PORT]/]PATH[:TAG][@DIGEST]. Pure.
import { type Digest, digestOfHex, parseDigest } from './digest.js'
import { ImageError } from './errors.js'

/** A name with its host: `nginx` is docker.io, library/nginx, latest. */
export interface Reference {
  /** Host, with its port where one is given. */
  readonly host: string
  /** The path on that host, without tag and digest. */
  readonly repository: string
  readonly tag?: string
  readonly digest?: Digest
}

export const DEFAULT_HOST = 'docker.io'
export const DEFAULT_TAG = 'latest'
const OFFICIAL = 'library/'
/** What the distribution grammar allows for host and path together. */
const MAX_NAME = 255

const COMPONENT = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/
const TAG = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const HOST =
  /^(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?$/

/** A name taken apart, before any default is put in: `host` is absent where none is written. */
export interface WrittenReference {
  readonly host?: string
  readonly path: string
  readonly tag?: string
  readonly digest?: Digest
}

/** The parts as they are written. @throws ImageError `invalid`. */
export function splitReference(text: string): WrittenReference {
  const [name = '', digestText, ...more] = text.split('@')
  if (more.length > 0) throw invalid(text, "there is more than one '@'")
  const digest = digestText === undefined ? undefined : parseDigest(digestText)
  const colon = name.lastIndexOf(':')
  const hasTag = colon > name.lastIndexOf('/')
  const tag = hasTag ? name.slice(colon + 1) : undefined
  const rest = hasTag ? name.slice(0, colon) : name
  if (tag !== undefined && !TAG.test(tag)) throw invalid(text, `'${tag}' is no tag`)
  const slash = rest.indexOf('/')
  const first = slash < 0 ? '' : rest.slice(0, slash)
  const host = isHost(first) ? first : undefined
  const path = host === undefined ? rest : rest.slice(slash + 1)
  checkPath(text, host, path)
  return {
    ...(host === undefined ? {} : { host }),
    path,
    ...(tag === undefined ? {} : { tag }),
    ...(digest === undefined ? {} : { digest }),
  }
}

/**
 * The image that a text names, with Docker's defaults: host docker.io, `library/` for a path of one
 * part there, tag `latest` where neither tag nor digest is written.
 * @throws ImageError `invalid`.
 */
export function parseReference(text: string): Reference {
  const written = splitReference(text)
  return withDefaults(written.host ?? DEFAULT_HOST, written)
}

/**
 * The image that a written name is on this host (a search registry of registries.conf, which may
 * have a path: `registry.example/team`).
 */
export function withDefaults(place: string, written: WrittenReference): Reference {
  const slash = place.indexOf('/')
  const host = canonicalHost(slash < 0 ? place : place.slice(0, slash))
  const path = slash < 0 ? written.path : `${place.slice(slash + 1)}/${written.path}`
  const official = host === DEFAULT_HOST && !path.includes('/')
  const tag = written.tag ?? (written.digest === undefined ? DEFAULT_TAG : undefined)
  return {
    host,
    repository: official ? OFFICIAL + path : path,
    ...(tag === undefined ? {} : { tag }),
    ...(written.digest === undefined ? {} : { digest: written.digest }),
  }
}

/** A name for which the search registries and short names of registries.conf are asked. */
export function isShortName(written: WrittenReference): boolean {
  return written.host === undefined
}

/** `docker.io/library/nginx`. */
export function repositoryName({ host, repository }: Reference): string {
  return `${host}/${repository}`
}

/** `docker.io/library/nginx:latest`, what the store and an OCI layout's annotation hold. */
export function fullName(reference: Reference): string {
  return repositoryName(reference) + suffixOf(reference)
}

/** `nginx`, `name/app`, `quay.io/a/b`: the shortest that means the same repository. */
export function familiarRepository({ host, repository }: Reference): string {
  if (host !== DEFAULT_HOST) return `${host}/${repository}`
  const rest = repository.slice(OFFICIAL.length)
  return repository.startsWith(OFFICIAL) && !rest.includes('/') ? rest : repository
}

/** What people are shown: `nginx:latest`. */
export function familiarName(reference: Reference): string {
  return familiarRepository(reference) + suffixOf(reference)
}

/** The same repository with another tag, and without a digest. */
export function withTag({ host, repository }: Reference, tag: string): Reference {
  if (!TAG.test(tag)) throw invalid(tag, 'it is no tag')
  return { host, repository, tag }
}

/** The same repository with a digest alone. */
export function withDigest({ host, repository }: Reference, digest: Digest): Reference {
  return { host, repository, digest }
}

/** What an ID or a prefix of it looks like: hexadecimal digits, with or without `sha256:`. */
export function hexPrefixOf(text: string): string | null {
  return /^(?:sha256:)?([0-9a-f]{1,64})$/.exec(text)?.[1] ?? null
}

/** The digest of a full ID; null for anything shorter. */
export function idOf(text: string): Digest | null {
  const hex = hexPrefixOf(text)
  return hex?.length === 64 ? digestOfHex(hex) : null
}

function suffixOf({ tag, digest }: Reference): string {
  const tagged = tag === undefined ? '' : `:${tag}`
  return digest === undefined ? tagged : `${tagged}@${digest}`
}

/** As Docker tells a host from a path's first part. */
function isHost(first: string): boolean {
  if (first === '') return false
  return /[.:]/.test(first) || first === 'localhost' || first.toLowerCase() !== first
}

/** Docker Hub has had other names. */
function canonicalHost(host: string): string {
  return host === 'index.docker.io' ? DEFAULT_HOST : host
}

function checkPath(text: string, host: string | undefined, path: string): void {
  if (host !== undefined && !HOST.test(host)) throw invalid(text, `'${host}' is no host`)
  if (path === '') throw invalid(text, 'there is no repository')
  const wrong = path.split('/').find(part => !COMPONENT.test(part))
  if (wrong !== undefined) {
    const why = wrong.toLowerCase() === wrong ? '' : ' (it must be lower case)'
    throw invalid(text, `'${wrong}' is no part of a repository${why}`)
  }
  if (host === undefined && /^[0-9a-f]{64}$/.test(path))
    throw invalid(text, '64 hexadecimal digits are an image ID')
  if (`${host ?? ''}/${path}`.length > MAX_NAME + 1)
    throw invalid(text, `it is longer than ${MAX_NAME} characters`)
}

function invalid(text: string, why: string): ImageError {
  return new ImageError('invalid', `'${text}' is no image name: ${why}`)
}
