// What a run has done: successes and errors by operation, requests by FUSE opcode.
import { errnoName } from './errnos.js'

export class Tally {
  readonly #results = new Map<string, Map<number, number>>()
  readonly requests = new Map<string, number>()
  operations = 0
  successes = 0

  addResult(operation: string, value: number): void {
    const results = this.#results.get(operation) ?? new Map<number, number>()
    this.#results.set(operation, results)
    const kind = value < 0 ? value : 0
    results.set(kind, (results.get(kind) ?? 0) + 1)
    this.operations++
    if (value >= 0) this.successes++
  }

  addRequests(counts: ReadonlyMap<string, number>): void {
    for (const [opcode, count] of counts) {
      this.requests.set(opcode, (this.requests.get(opcode) ?? 0) + count)
    }
  }

  table(): string {
    const lines = [...this.#results].sort().map(([operation, results]) => {
      const ok = results.get(0) ?? 0
      const errors = [...results]
        .filter(([value]) => value < 0)
        .sort((x, y) => y[1] - x[1])
      const shown = errors.map(([value, count]) => `${errnoName(-value)} ${count}`)
      return `  ${operation.padEnd(14)} ${String(ok).padStart(7)}  ${shown.join(', ')}`
    })
    const share = Math.round((100 * this.successes) / Math.max(1, this.operations))
    return [
      'operation      succeeded  errors',
      ...lines,
      `${this.operations} operations, ${share} % succeeded`,
    ].join('\n')
  }
}
