// Fields of JSON that a client has sent, each looked at before it is believed. Text becomes bytes.
import { bytesOfText } from '../bytes/bytes-text.js'
import { isObject, type JsonObject } from '../image/model/json-shape.js'
import { ApiError } from './api-error.js'

/** An object, of fields that are known. Throws an ApiError. */
export function objectOf(body: Buffer, known: readonly string[]): JsonObject {
  let value: unknown
  try {
    value = body.length === 0 ? {} : JSON.parse(body.toString('utf8'))
  } catch {
    return malformed('the body is not JSON')
  }
  if (!isObject(value)) return malformed('the body is not an object')
  const strange = Object.keys(value).find(key => !known.includes(key))
  if (strange !== undefined) return malformed(`there is no field '${strange}'`)
  return value
}

/** Bytes; undefined for an absent field. */
export function stringField(object: JsonObject, name: string): string | undefined {
  const value = object[name]
  if (value === undefined || value === null) return undefined
  return typeof value === 'string'
    ? bytesOfText(value)
    : malformed(`${name} is not a string`)
}

export function stringsField(object: JsonObject, name: string): string[] {
  const value = object[name] ?? []
  if (!Array.isArray(value)) return malformed(`${name} is not a list`)
  return value.map((item: unknown) =>
    typeof item === 'string' ? bytesOfText(item) : malformed(`${name} is not of strings`),
  )
}

export function flagField(object: JsonObject, name: string): boolean {
  const value = object[name] ?? false
  return typeof value === 'boolean' ? value : malformed(`${name} is not true or false`)
}

/** One of some words. */
export function wordField<Word extends string>(
  object: JsonObject,
  name: string,
  words: readonly [Word, ...Word[]],
): Word {
  const value = object[name] ?? words[0]
  return (
    words.find(word => word === value) ??
    malformed(`${name} is one of ${words.join(', ')}`)
  )
}

/** A path that is the same wherever it is read. */
export function pathField(object: JsonObject, name: string): string {
  const value = stringField(object, name)
  if (value === undefined) return malformed(`${name} is missing`)
  return value.startsWith('/') ? value : malformed(`${name} is not an absolute path`)
}

function malformed(what: string): never {
  throw new ApiError(400, 'invalid', what)
}
