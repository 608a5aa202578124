// From the mount command to a usable mount: alone, and handed to a daemon that runs. Beside it the
// start of Node, which no command in JavaScript can do without.
import * as fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { execFileSync } from 'node:child_process'
import { withDaemon } from '../drivers/daemon.js'
import type { Layers } from '../drivers/driver.js'
import type { Figure } from '../figures.js'
import { onMount, plainFigure } from '../measure.js'
import { atMost, within } from '../targets.js'
import { inTurn, type Turn } from '../turns.js'
import type { Workload } from './workload.js'

const TITLE = 'from the mount command to a usable mount'
const HANDED = 'from the mount command to a usable mount, with a running daemon'
/** Turns within a round: each takes a fraction of a second. */
const REPEATS = 3

export const startMount: Workload = {
  name: 'start',
  ids: ['P11'],
  async run(turn) {
    const figures: Figure[] = []
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      if (turn.wants('node')) figures.push(nodeStart('P11', TITLE))
      for (const driver of inTurn(turn, ['fuse-overlayfs', 'plyfs'])) {
        await onMount(driver, turn.stage.layers, 'rw', [], mounted => {
          figures.push(timed(TITLE, driver.name, mounted.seconds))
        })
      }
    }
    if (turn.wants('plyfs')) figures.push(...(await handed(turn)))
    return figures
  },
  targets: () => [
    atMost('P11', TITLE, null, 2, 'node'),
    within('P11', HANDED, null, 0.02),
  ],
}

/** What `node -e 0` takes. */
export function nodeStart(row: string, title: string): Figure {
  const started = performance.now()
  execFileSync(process.execPath, ['-e', '0'])
  return { ...timed(title, 'node', (performance.now() - started) / 1000), row }
}

async function handed(turn: Turn): Promise<Figure[]> {
  const { layers } = turn.stage
  const figures: Figure[] = []
  try {
    await withDaemon(turn.stage, async daemon => {
      // The first mount of a daemon makes what later ones find.
      for (let repeat = 0; repeat <= REPEATS; repeat++) {
        fresh(layers)
        const started = performance.now()
        const at = daemon.mount(layers, 'rw')
        fs.readdirSync(at)
        const seconds = (performance.now() - started) / 1000
        if (repeat > 0) figures.push(timed(HANDED, 'plyfs', seconds))
        daemon.unmount(at)
        await daemon.rest()
      }
    })
  } catch (error) {
    turn.failed('plyfs', HANDED, error)
  }
  return figures
}

function fresh({ upper, work }: Layers): void {
  for (const folder of [upper, work]) {
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder)
  }
}

function timed(title: string, driver: string, value: number): Figure {
  return plainFigure({ row: 'P11', title, mode: null, driver, value, unit: 's' })
}
