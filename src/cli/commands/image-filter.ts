// The filters of `images` and `image prune`, as Docker has them.
import { ImageError } from '../../image/model/errors.js'
import { isObject } from '../../image/model/json-shape.js'
import {
  familiarName,
  familiarRepository,
  parseReference,
} from '../../image/model/reference.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'

export interface ImageFilter {
  /** Whether an image is wanted at all. */
  readonly record: (record: ImageRecord) => boolean
  /** Whether one of its full names is. */
  readonly name: (name: string) => boolean
}

type Test = (record: ImageRecord) => boolean

/**
 * `dangling=`, `label=`, `before=`, `since=`, `until=`, `reference=`; those of one key are
 * alternatives, but for labels. @throws ImageError `invalid`, or as `Store.resolve`.
 */
export function imageFilter(store: Store, filters: readonly string[]): ImageFilter {
  const tests: Test[] = []
  const patterns: RegExp[] = []
  for (const filter of filters) {
    const equals = filter.indexOf('=')
    const [key, value] = [filter.slice(0, equals), filter.slice(equals + 1)]
    if (key === 'reference') patterns.push(pattern(value))
    else tests.push(testOf(store, key, value, filter))
  }
  const name = (full: string): boolean =>
    patterns.length === 0 || patterns.some(one => matches(one, full))
  return {
    name,
    record: record =>
      tests.every(test => test(record)) &&
      (patterns.length === 0 || record.names.some(name)),
  }
}

function testOf(store: Store, key: string, value: string, filter: string): Test {
  if (key === 'dangling' && /^(true|false|1|0)$/.test(value))
    return ({ names }) => (names.length === 0) === /^(true|1)$/.test(value)
  if (key === 'label') return labelTest(store, value)
  if (key === 'before' || key === 'since') {
    const limit = createdOf(store, store.resolve(value))
    return record => {
      const created = createdOf(store, record)
      return key === 'before' ? created < limit : created > limit
    }
  }
  if (key === 'until') {
    const limit = timeOf(value, filter)
    return record => createdOf(store, record) < limit
  }
  throw new ImageError(
    'invalid',
    `--filter ${filter}: write dangling=true|false, label=KEY[=VALUE], before=IMAGE, since=IMAGE, until=TIME or reference=PATTERN`,
  )
}

function labelTest(store: Store, value: string): Test {
  const equals = value.indexOf('=')
  const key = equals < 0 ? value : value.slice(0, equals)
  const wanted = equals < 0 ? null : value.slice(equals + 1)
  return record => {
    const labels = store.configOf(record).run['Labels']
    if (!isObject(labels) || !Object.hasOwn(labels, key)) return false
    return wanted === null || labels[key] === wanted
  }
}

function createdOf(store: Store, record: ImageRecord): number {
  return Date.parse(store.configOf(record).created ?? '1970-01-01T00:00:00Z')
}

const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 }

/** A point in time, or a duration back from now (`24h`, `1h30m`). */
function timeOf(text: string, filter: string): number {
  if (/^(\d+[smh])+$/.test(text)) {
    const seconds = [...text.matchAll(/(\d+)([smh])/g)].reduce(
      (sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ''] ?? 0),
      0,
    )
    return Date.now() - seconds * 1000
  }
  const time = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw new ImageError('invalid', `--filter ${filter}: '${text}' is no time`)
}

/** Shell patterns, as Go's path.Match has them: no `*` across a slash. */
function pattern(text: string): RegExp {
  const source = text
    .replace(/[.+^$(){}|\\]/g, '\\$&')
    .replace(/\*/g, '[^/]*')
    .replace(/\?/g, '[^/]')
  try {
    return new RegExp(`^${source}$`)
  } catch {
    throw new ImageError('invalid', `reference=${text}: it is no pattern`)
  }
}

function matches(one: RegExp, full: string): boolean {
  const reference = parseReference(full)
  return [
    familiarName(reference),
    familiarRepository(reference),
    full,
    `${reference.host}/${reference.repository}`,
  ].some(name => one.test(name))
}
