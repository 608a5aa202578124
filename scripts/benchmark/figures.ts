// What the benchmark found: one figure for each time that a driver did a work.
import type { Mode } from './options.js'

export interface Figure {
  /** The row of the list of targets that it belongs to. */
  readonly row: string
  readonly title: string
  /** null where there is no difference, or no mount. */
  readonly mode: Mode | null
  readonly driver: string
  readonly value: number
  readonly unit: 's' | 'MB'
  /** User and system seconds of the processes that did the work, and of the server's. */
  readonly clientCpu: number
  readonly serverCpu: number
  /** What must be the same on every filesystem: the same work was done. Empty where nothing is. */
  readonly proof: string
  /** Only its proof is of interest. */
  readonly untimed: boolean
}

/** A work that a driver could not do, and why. */
export interface Failure {
  readonly driver: string
  readonly work: string
  readonly reason: string
}

/** Figures of one series: the same work by the same driver. */
export interface Series {
  readonly title: string
  readonly mode: Mode | null
  readonly driver: string
}

export function medianOf(
  figures: readonly Figure[],
  series: Series,
  value: (figure: Figure) => number = figure => figure.value,
): number | null {
  const own = figures.filter(
    ({ title, mode, driver }) =>
      title === series.title && mode === series.mode && driver === series.driver,
  )
  return median(own.map(value))
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** Rows whose work was not the same everywhere, a line for each. */
export function differences(figures: readonly Figure[]): string[] {
  const proofs = new Map<string, Map<string, Set<string>>>()
  for (const { title, mode, proof, driver } of figures) {
    if (proof === '') continue
    const work = mode === null ? title : `${title} (${mode})`
    const seen = proofs.get(work) ?? new Map<string, Set<string>>()
    proofs.set(work, seen.set(proof, (seen.get(proof) ?? new Set()).add(driver)))
  }
  return [...proofs]
    .filter(([, seen]) => seen.size > 1)
    .map(([work, seen]) => {
      const told = [...seen].map(([proof, by]) => `${proof} by ${[...by].join(' and ')}`)
      return `not the same work: ${work}: ${told.join(', ')}`
    })
}
