// TOML files of others, read with their types checked. An error names the file and the key; a file
// that is not there is an answer, one that cannot be read is an error.
import * as fs from 'node:fs'
import { parse, TomlError } from 'smol-toml'
import { ImageError } from '../model/errors.js'
import { isObject, type JsonObject } from '../model/json-shape.js'

/** A table of a file, and what it is called in errors. */
export interface Table {
  readonly where: string
  readonly values: JsonObject
}

/** The file as a table; undefined when there is none. @throws ImageError `invalid`. */
export function readToml(file: string): Table | undefined {
  const text = readText(file)
  if (text === undefined) return undefined
  try {
    return { where: file, values: parse(text) }
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    const problem = error.message.split('\n', 1)[0] ?? ''
    throw new ImageError('invalid', `${file}:${error.line}: ${problem}`)
  }
}

/** The file's text; undefined when there is none. @throws ImageError `invalid`. */
export function readText(file: string): string | undefined {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new ImageError('invalid', `cannot read ${file}: ${String(code)}`, {}, error)
  }
}

export function stringAt(table: Table, key: string): string | undefined {
  const value = table.values[key]
  if (value === undefined || typeof value === 'string') return value
  throw wrong(table, key, 'a string')
}

export function booleanAt(table: Table, key: string): boolean | undefined {
  const value = table.values[key]
  if (value === undefined || typeof value === 'boolean') return value
  throw wrong(table, key, 'true or false')
}

export function stringsAt(table: Table, key: string): readonly string[] | undefined {
  const value = table.values[key]
  if (value === undefined) return undefined
  if (Array.isArray(value) && value.every(item => typeof item === 'string')) return value
  throw wrong(table, key, 'a list of strings')
}

export function tableAt(table: Table, key: string): Table | undefined {
  const value = table.values[key]
  if (value === undefined) return undefined
  if (isObject(value)) return { where: `${table.where}: ${key}`, values: value }
  throw wrong(table, key, 'a table')
}

/** An array of tables, `[[key]]`; none where the key is absent. */
export function tablesAt(table: Table, key: string): readonly Table[] {
  const value = table.values[key]
  if (value === undefined) return []
  if (!Array.isArray(value) || !value.every(isObject))
    throw wrong(table, key, 'an array of tables')
  return value.map((item, i) => ({ where: `${table.where}: ${key}[${i}]`, values: item }))
}

/** @throws ImageError `invalid` for a key that is none of these. */
export function onlyKeys(table: Table, known: readonly string[]): void {
  const unknown = Object.keys(table.values).find(key => !known.includes(key))
  if (unknown !== undefined)
    throw new ImageError(
      'invalid',
      `${table.where}: there is no setting '${unknown}' (there are ${known.join(', ')})`,
    )
}

function wrong(table: Table, key: string, wanted: string): ImageError {
  return new ImageError('invalid', `${table.where}: ${key} must be ${wanted}`)
}
