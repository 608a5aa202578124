// What Go's templates hold true, and how its fmt prints values (`%v`). Pure.
import { isObject } from '../../image/model/json-shape.js'

/** text/template: false, 0, nil, and what is empty are not true. */
export function isTrue(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0
  if (isObject(value)) return Object.keys(value).length > 0
  return Boolean(value)
}

export function printed(value: unknown): string {
  return value === undefined || value === null ? '<no value>' : nested(value)
}

function nested(value: unknown): string {
  if (value === undefined || value === null) return '<nil>'
  if (typeof value === 'string') return value
  if (Array.isArray(value)) return `[${value.map(nested).join(' ')}]`
  if (isObject(value)) {
    const entries = Object.entries(value).toSorted(([one], [two]) => (one < two ? -1 : 1))
    return `map[${entries.map(([key, item]) => `${key}:${nested(item)}`).join(' ')}]`
  }
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}
