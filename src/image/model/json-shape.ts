// Reading JSON of others with its types checked. Every function names the document and the field
// in its error, and none believes a shape it has not looked at.
import { ImageError } from './errors.js'

export type JsonObject = Readonly<Record<string, unknown>>

/** A JSON document of at most `MAX_DOCUMENT` bytes. @throws ImageError `malformed` or `limit`. */
export function parseJson(bytes: Uint8Array | string, what: string): unknown {
  if (bytes.length > MAX_DOCUMENT)
    throw new ImageError('limit', `${what}: larger than ${MAX_DOCUMENT} bytes`)
  const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('utf8')
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw malformed(what, `is not JSON (${error instanceof Error ? error.message : ''})`)
  }
}

/** Manifests are limited to 4 MiB by the distribution specification; configs are of that order. */
export const MAX_DOCUMENT = 8 * 1024 * 1024

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function asObject(value: unknown, what: string): JsonObject {
  if (!isObject(value)) throw malformed(what, 'is not an object')
  return value
}

/** A list; absent and null are the empty one, as Go's encoder writes it. */
export function asList(value: unknown, what: string): readonly unknown[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw malformed(what, 'is not a list')
  return value
}

export function asString(value: unknown, what: string): string {
  if (typeof value !== 'string') throw malformed(what, 'is not a string')
  return value
}

/** A string, or undefined for one that is absent, null or empty. */
export function optionalString(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  return asString(value, what)
}

/** A whole number of bytes or items, not negative. */
export function asCount(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
    throw malformed(what, 'is not a count')
  return value
}

export function asStrings(value: unknown, what: string): readonly string[] {
  return asList(value, what).map(item => asString(item, what))
}

/** An object of strings; undefined for one that is absent. */
export function optionalMap(
  value: unknown,
  what: string,
): Readonly<Record<string, string>> | undefined {
  if (value === undefined || value === null) return undefined
  return Object.fromEntries(
    Object.entries(asObject(value, what)).map(([key, item]) => [
      key,
      asString(item, `${what}.${key}`),
    ]),
  )
}

export function malformed(what: string, problem: string): ImageError {
  return new ImageError('malformed', `${what} ${problem}`)
}
