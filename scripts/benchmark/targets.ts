// What plyfs is to reach: a median of its own beside a sum of other medians and constants.
import { medianOf, type Figure, type Series } from './figures.js'
import type { Mode } from './options.js'

/** `factor` times the median of a series: the smallest, where several drivers are named. */
export interface Term {
  readonly factor: number
  readonly drivers: readonly string[]
  readonly title: string
  readonly mode: Mode | null
}

export interface Target extends Series {
  readonly row: string
  readonly terms: readonly Term[]
  /** Added to the terms: seconds, or MB. */
  readonly constant: number
  /** Taken off the median before it is compared: what a start of Node costs, for example. */
  readonly without: readonly Term[]
}

export interface Verdict {
  readonly target: Target
  /** null where a median is lacking. */
  readonly met: boolean | null
  /** How the median stands to the limit: above 1 it was missed. */
  readonly share: number | null
  readonly value: number | null
  readonly limit: number | null
}

/** What plyfs takes for a work is at most the sum of the terms. */
export function target(
  row: string,
  title: string,
  mode: Mode | null,
  terms: readonly Term[],
  { constant = 0, without = [] }: Partial<Pick<Target, 'constant' | 'without'>> = {},
): Target {
  return { row, title, mode, driver: 'plyfs', terms, constant, without }
}

/** `row`: the work by plyfs takes at most `factor` times what it takes `driver`. */
export function atMost(
  row: string,
  title: string,
  mode: Mode | null,
  factor: number,
  driver: string,
  by = 'plyfs',
): Target {
  const terms = [{ factor, drivers: [driver], title, mode }]
  return { ...target(row, title, mode, terms), driver: by }
}

/** At most so much, whatever others take. */
export function within(
  row: string,
  title: string,
  mode: Mode | null,
  constant: number,
): Target {
  return target(row, title, mode, [], { constant })
}

/** A share of the speed: 0.9 of it is 1 / 0.9 of the time. */
export function atLeast(
  row: string,
  title: string,
  mode: Mode | null,
  share: number,
  driver: string,
): Target {
  return atMost(row, title, mode, 1 / share, driver)
}

export function judge(target: Target, figures: readonly Figure[]): Verdict {
  const own = medianOf(figures, target)
  const off = total(target.without, figures)
  const terms = total(target.terms, figures)
  if (own === null || off === null || terms === null)
    return { target, met: null, share: null, value: null, limit: null }
  const [value, limit] = [own - off, terms + target.constant]
  return { target, met: value <= limit, share: value / limit, value, limit }
}

function total(terms: readonly Term[], figures: readonly Figure[]): number | null {
  let sum = 0
  for (const { factor, drivers, title, mode } of terms) {
    const medians = drivers
      .map(driver => medianOf(figures, { title, mode, driver }))
      .filter(found => found !== null)
    if (medians.length === 0) return null
    sum += factor * Math.min(...medians)
  }
  return sum
}

/** The target in words: `≤ 1.50 × floor`. */
export function limitInWords({ title, terms, constant }: Target, unit: string): string {
  const words = terms.map(term => {
    const what = inWords(term, title)
    return term.factor === 1 ? what : `${shortest(term.factor)} × ${what}`
  })
  if (constant !== 0 || words.length === 0) words.push(`${shortest(constant)} ${unit}`)
  return `≤ ${words.join(' + ').replaceAll('+ -1 ×', '−')}`
}

/** The driver where it is the same work, else the work, and by whom if that is not said. */
export function inWords({ title, drivers }: Term, own: string): string {
  const by = drivers.join(' or ')
  if (title === own) return by
  return by === 'plyfs' || title.includes(by) ? title : `${by}: ${title}`
}

/** One term and nothing else: such a target is told as a ratio. */
export function isRatio({ terms, constant, without }: Target): boolean {
  return terms.length === 1 && constant === 0 && without.length === 0
}

function shortest(value: number): string {
  return String(Math.round(value * 1000) / 1000)
}
