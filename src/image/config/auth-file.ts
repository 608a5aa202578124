// One file of credentials: auth.json, Docker's config.json, or the older .dockercfg. Kept as it is
// but for the entry that changes; replaced whole, readable by its owner alone.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { ImageError } from '../model/errors.js'
import { isObject, type JsonObject } from '../model/json-shape.js'
import { hostOfKey } from './auth-places.js'
import { readText } from './toml-file.js'

/** What is shown to a registry: a name and a password, or a token that is exchanged for others. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'identity-token'; readonly token: string }

export interface AuthFile {
  readonly path: string
  readonly document: JsonObject
}

/** @throws ImageError `invalid` when it is no JSON object. */
export function readAuthFile(file: string): AuthFile {
  const text = readText(file)
  if (text === undefined || text.trim() === '') return { path: file, document: {} }
  try {
    const document: unknown = JSON.parse(text)
    if (isObject(document)) return { path: file, document }
  } catch (error) {
    throw new ImageError('invalid', `${file} is not JSON`, {}, error)
  }
  throw new ImageError('invalid', `${file} is not a JSON object`)
}

/** The credentials under one of the keys, else under another spelling of the host. */
export function credentialsIn(
  { path: file, document }: AuthFile,
  keys: readonly string[],
): Credentials | undefined {
  const entries = file.endsWith('.dockercfg') ? document : objectAt(document, 'auths')
  const host = keys.at(-1)
  const names = [...keys, ...Object.keys(entries).filter(key => hostOfKey(key) === host)]
  for (const name of names) {
    const entry = entries[name]
    const found = isObject(entry) ? parseEntry(entry, file, name) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Docker writes empty entries for hosts whose secrets a helper keeps. */
function parseEntry(
  entry: JsonObject,
  file: string,
  key: string,
): Credentials | undefined {
  const { identitytoken, auth } = entry
  if (typeof identitytoken === 'string' && identitytoken !== '')
    return { kind: 'identity-token', token: identitytoken }
  if (typeof auth !== 'string' || auth === '') return undefined
  const text = Buffer.from(auth, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0)
    throw new ImageError('invalid', `${file}: the entry of ${key} is not USER:PASSWORD`)
  // Docker once padded passwords with NUL.
  const password = text.slice(colon + 1).replace(/\0+$/, '')
  return { kind: 'password', user: text.slice(0, colon), password }
}

/** The helper named for a host (`credHelpers`), or for all (`credsStore`, Docker's alone). */
export function helperIn(
  { document }: AuthFile,
  keys: readonly string[],
): string | undefined {
  const helpers = objectAt(document, 'credHelpers')
  const host = keys.at(-1)
  const name = [
    ...keys,
    ...Object.keys(helpers).filter(key => hostOfKey(key) === host),
  ].find(key => typeof helpers[key] === 'string')
  const found = name === undefined ? document['credsStore'] : helpers[name]
  return typeof found === 'string' && found !== '' ? found : undefined
}

/** Writes one entry. @throws ImageError `invalid` when the file cannot be written. */
export function writeEntry(file: AuthFile, key: string, credentials: Credentials): void {
  const entry =
    credentials.kind === 'identity-token'
      ? { auth: '', identitytoken: credentials.token }
      : { auth: base64(`${credentials.user}:${credentials.password}`) }
  const auths = { ...objectAt(file.document, 'auths'), [key]: entry }
  replace(file.path, { ...file.document, auths })
}

/** Removes the entries of a key, in any spelling of it; whether there were any. */
export function removeEntries(file: AuthFile, key: string): boolean {
  const auths = objectAt(file.document, 'auths')
  const kept = Object.entries(auths).filter(
    ([name]) => name !== key && hostOfKey(name) !== key,
  )
  if (kept.length === Object.keys(auths).length) return false
  replace(file.path, { ...file.document, auths: Object.fromEntries(kept) })
  return true
}

function replace(file: string, document: JsonObject): void {
  const target = fs.existsSync(file) ? fs.realpathSync(file) : file
  const temporary = `${target}.${randomBytes(6).toString('hex')}`
  try {
    fs.mkdirSync(path.dirname(target), { recursive: true, mode: 0o700 })
    fs.writeFileSync(temporary, JSON.stringify(document, null, '\t'), {
      mode: 0o600,
      flag: 'wx',
      flush: true,
    })
    fs.renameSync(temporary, target)
  } catch (error) {
    fs.rmSync(temporary, { force: true })
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    throw new ImageError('invalid', `cannot write ${file}: ${String(code)}`, {}, error)
  }
}

function objectAt(document: JsonObject, key: string): JsonObject {
  const value = document[key]
  return isObject(value) ? value : {}
}

function base64(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64')
}
