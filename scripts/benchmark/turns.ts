// The drivers take turns: in each round each does the same work on a fresh mount of its own, and
// who comes first changes from round to round.
import type { Driver } from './drivers/driver.js'
import type { Figure } from './figures.js'
import { measure } from './measure.js'
import type { Mode } from './options.js'
import type { Stage } from './stage.js'
import type { Mounted } from './workloads/workload.js'
import { settle } from './disk.js'

/** One round, as a workload sees it. */
export interface Turn {
  readonly round: number
  readonly stage: Stage
  /** All that are here, and that the user asked for. */
  readonly drivers: readonly Driver[]
  readonly modes: readonly Mode[]
  /** Whether the user asked for what goes by that name. */
  wants(driver: string): boolean
  /** Notes that a driver could not do its work. */
  failed(driver: string, work: string, error: unknown): void
}

export async function turns(turn: Turn, work: Mounted): Promise<Figure[]> {
  const figures: Figure[] = []
  for (const mode of turn.modes) {
    for (const driver of inTurn(turn, work.drivers[mode] ?? [])) {
      settle(turn.stage.disk)
      try {
        figures.push(...(await measure(driver, work, mode, turn.stage)))
      } catch (error) {
        turn.failed(driver.name, `${work.name} (${mode})`, error)
      }
    }
  }
  return figures
}

/** Those that the work is for, and the user's own, whoever's turn it is first. */
export function inTurn({ drivers, round }: Turn, names: readonly string[]): Driver[] {
  if (names.length === 0) return []
  return rotated(
    drivers.filter(({ name, added }) => added || names.includes(name)),
    round,
  )
}

/** Another comes first in each round. */
export function rotated<T>(list: readonly T[], round: number): T[] {
  const first = round % Math.max(1, list.length)
  return [...list.slice(first), ...list.slice(0, first)]
}
