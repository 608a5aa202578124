// What a client waits for while others do what takes long: `stat` of names never looked up before
// and small reads, while a large file is copied up, while an fsync waits, and while a slow reader
// drains a large file; elsewhere in the same mount, and in another mount of the same process. The
// figure is what all but one in a hundred took less than.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { withDaemon } from '../drivers/daemon.js'
import type { Layers } from '../drivers/driver.js'
import type { Figure } from '../figures.js'
import { onMount, plainFigure, runClient } from '../measure.js'
import type { Size } from '../options.js'
import { HUGE_LAYER, type Stage } from '../stage.js'
import { target, type Target } from '../targets.js'
import { PARTS } from '../tree.js'
import { inTurn, type Turn } from '../turns.js'
import type { Workload } from './workload.js'

const PAUSE_US = 1000
const ALLOWED = 10
const HUGE = 'huge/file'
const DIRTY = 'dirty'

const PLACES = ['the same mount', 'another mount of the process'] as const
type Place = (typeof PLACES)[number]

/** What others do meanwhile: commands of the client, the first of them only to prepare. */
interface Burden {
  readonly name: string
  readonly before: (size: Size) => readonly string[] | null
  readonly work: (size: Size) => readonly string[]
}

const burdens: readonly Burden[] = [
  {
    name: 'a large file is copied up',
    before: () => null,
    work: () => ['append', HUGE],
  },
  {
    name: 'an fsync waits',
    before: ({ huge }) => ['write', DIRTY, String(huge / 4)],
    work: () => ['sync', DIRTY],
  },
  {
    name: 'a slow reader drains a large file',
    before: () => null,
    work: ({ large }) => ['drain', `${PARTS.large}/file`, String(large), '5000'],
  },
]

const title = (name: string, place: Place) =>
  `p99 of stat and a small read in ${place}, ${name}`

export const latency: Workload = {
  name: 'latency',
  ids: ['P10'],
  async run(turn) {
    if (!turn.wants('plyfs') || !turn.modes.includes('rw')) return []
    const probe = new Probe(turn.stage)
    try {
      return await withDaemon(turn.stage, async daemon => {
        const [near, far] = [probe.layers('near'), probe.layers('far')]
        const mounts: string[] = []
        try {
          for (const layers of [near, far]) mounts.push(daemon.mount(layers, 'rw'))
          return await all(turn, probe, near, far)
        } finally {
          for (const at of mounts) daemon.unmount(at)
        }
      })
    } catch (error) {
      turn.failed('plyfs', 'latency in another mount of the same process', error)
      return alone(turn, probe)
    }
  },
  targets: () =>
    PLACES.flatMap(place =>
      burdens.map(({ name }) => tenfold(title(`while ${name}`, place), place)),
    ),
}

function tenfold(of: string, place: Place): Target {
  const idle = { title: title('idle', place), mode: 'rw' as const, drivers: ['plyfs'] }
  return target('P10', of, 'rw', [{ factor: ALLOWED, ...idle }])
}

/** Without a daemon that takes mounts: one mount. */
async function alone(turn: Turn, probe: Probe): Promise<Figure[]> {
  const figures: Figure[] = []
  const layers = probe.layers('near')
  for (const driver of inTurn(turn, ['plyfs'])) {
    if (driver.name !== 'plyfs') continue
    await onMount(driver, layers, 'rw', [], async () => {
      figures.push(...(await all(turn, probe, layers, null)))
    })
  }
  return figures
}

/** Idle, then beside each burden on the near mount. */
async function all(
  turn: Turn,
  probe: Probe,
  near: Layers,
  far: Layers | null,
): Promise<Figure[]> {
  const { client } = turn.stage.programs
  const { size } = turn.stage.sizes
  const roots: [Place, string][] = [[PLACES[0], near.mountPoint]]
  if (far !== null) roots.push([PLACES[1], far.mountPoint])
  const figures: Figure[] = []
  const everywhere = async (name: string) => {
    for (const [place, root] of roots)
      figures.push(seconds(title(name, place), await probe.p99(root)))
  }
  // A server that has only begun is slower than one that is idle.
  for (const [, root] of roots) await probe.p99(root)
  await everywhere('idle')
  for (const { name, before, work } of burdens) {
    const prepares = before(size)
    if (prepares !== null) await runClient(client, prepares, near.mountPoint)
    const burden = runClient(client, work(size), near.mountPoint)
    // It is waited for below, also where a probe fails first.
    burden.catch(() => undefined)
    await everywhere(`while ${name}`)
    figures.push(
      seconds(`what was waited for meanwhile: ${name}`, (await burden).seconds),
    )
  }
  return figures
}

function seconds(of: string, value: number): Figure {
  return plainFigure({
    row: 'P10',
    title: of,
    mode: 'rw',
    driver: 'plyfs',
    value,
    unit: 's',
  })
}

/** Asks for names of the tree, each once in the life of a mount. */
class Probe {
  readonly #stage: Stage
  readonly #list: string
  readonly #many: number
  #next = 0

  constructor(stage: Stage) {
    this.#stage = stage
    this.#list = path.join(stage.disk, 'every-name')
    this.#many = 400 / stage.sizes.size.divisor
    if (!fs.existsSync(this.#list)) listNames(stage, this.#list)
  }

  /** The tree with a file that takes long to copy up, and a fresh upper. */
  layers(name: string): Layers {
    const folder = this.#stage.folder(`latency-${name}`)
    const own: Layers = {
      ...this.#stage.layers,
      lowers: [...this.#stage.layers.lowers, hugeLayer(this.#stage)],
      upper: path.join(folder, 'upper'),
      work: path.join(folder, 'work'),
      mountPoint: path.join(folder, 'mnt'),
    }
    for (const made of [own.upper, own.work, own.mountPoint]) fs.mkdirSync(made)
    return own
  }

  async p99(root: string): Promise<number> {
    const from = String(this.#next)
    this.#next += this.#many
    const words = ['latency', this.#list, from, String(this.#many), String(PAUSE_US)]
    return (await runClient(this.#stage.programs.client, words, root)).p99
  }
}

/** Neighbours in the list are from different directories. */
function listNames(stage: Stage, list: string): void {
  const words = `find ${PARTS.tree} -type f | sort -R --random-source=/bin/sh >"$1"`
  execFileSync('sh', ['-c', words, 'sh', list], { cwd: stage.layers.merged })
}

function hugeLayer(stage: Stage): string {
  const layer = path.join(stage.disk, HUGE_LAYER)
  if (fs.existsSync(layer)) return layer
  console.error('bench: making a large file')
  fs.mkdirSync(path.join(layer, path.dirname(HUGE)), { recursive: true })
  const bytes = stage.sizes.size.huge
  const words = `head -c ${bytes} /dev/zero | tr '\\0' x >"$1" && sync -f "$1"`
  execFileSync('sh', ['-c', words, 'sh', path.join(layer, HUGE)])
  return layer
}
