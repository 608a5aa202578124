// Lookups through 1, 10, 100 and 500 layers, all of which have the same directories: names that
// only the lowest has, and names that none has. What a first name in a directory costs is told
// apart from what the others cost.
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Layers } from '../drivers/driver.js'
import type { Figure } from '../figures.js'
import { measure } from '../measure.js'
import type { Stage } from '../stage.js'
import { atMost, target, type Target } from '../targets.js'
import { inTurn } from '../turns.js'
import type { Mounted, Row, Workload } from './workload.js'

const COUNTS = [1, 10, 100, 500] as const
const DIRECTORIES = 40
const NAMES = 50

const first = (layers: number) =>
  `${layers} layers: first name in each of ${DIRECTORIES} directories`
const present = (layers: number) =>
  `${layers} layers: other names that the lowest layer has`
const absent = (layers: number) => `${layers} layers: names that no layer has`

export const manyLayers: Workload = {
  name: 'many-layers',
  ids: ['P9'],
  async run(turn) {
    const { stage } = turn
    const figures: Figure[] = []
    const from = makeStack(stage)
    for (const layers of COUNTS) {
      const work = lookups(layers, from)
      for (const driver of inTurn(turn, ['kernel', 'plyfs'])) {
        try {
          figures.push(...(await measure(driver, work, 'ro', stage)))
        } catch (error) {
          turn.failed(driver.name, `${layers} layers`, error)
        }
      }
    }
    return figures
  },
  targets: () => [
    flat(present),
    flat(absent),
    atMost('P9', first(500), 'ro', 1.5, 'kernel'),
  ],
}

/** 500 layers against one, by plyfs itself. */
function flat(title: (layers: number) => string): Target {
  const alone = { factor: 1.2, drivers: ['plyfs'], title: title(1), mode: 'ro' as const }
  return target('P9', title(500), 'ro', [alone])
}

function lookups(count: number, from: string): Mounted {
  const file = (name: string) => path.join(from, name)
  const row = (title: string, client: readonly string[]): Row => ({
    row: 'P9',
    title,
    client,
    proof: 'lines',
  })
  return {
    name: 'many-layers',
    ids: ['P9'],
    layers: () => stacked(count, from),
    drivers: {},
    changes: [],
    rows: () => [
      row(first(count), ['stat', file('first')]),
      row(present(count), ['stat', file('present')]),
      row(absent(count), ['absent', 'd0', String(DIRECTORIES * NAMES)]),
    ],
    targets: () => [],
  }
}

/** The names of 500 layers must fit into one page: they are short, and relative. */
function stacked(count: number, from: string): Layers {
  const upper = Array.from({ length: count - 1 }, (_, i) => String(i))
  return {
    // Kernel overlayfs asks for two, or for an upper.
    lowers: [...upper, 'lowest', ...(count === 1 ? ['none'] : [])],
    merged: path.join(from, 'lowest'),
    upper: path.join(from, 'upper'),
    work: path.join(from, 'work'),
    mountPoint: path.join(from, 'mnt'),
    from,
  }
}

/** Makes the layers once for a disk; returns their folder. */
function makeStack(stage: Stage): string {
  const from = path.join(stage.disk, 'stack')
  if (fs.existsSync(from)) return from
  console.error('bench: making 500 layers')
  for (const folder of ['none', 'mnt'])
    fs.mkdirSync(path.join(from, folder), { recursive: true })
  const most = Math.max(...COUNTS)
  for (let layer = 0; layer < most - 1; layer++)
    fill(path.join(from, String(layer)), 1, layer)
  fill(path.join(from, 'lowest'), NAMES, most)
  const names = (wanted: (name: number) => boolean) =>
    Array.from({ length: DIRECTORIES * NAMES }, (_, i) => i)
      .filter(i => wanted(i % NAMES))
      .map(i => `d${Math.floor(i / NAMES)}/${most}-${i % NAMES}`)
      .join('\n')
  fs.writeFileSync(path.join(from, 'first'), `${names(name => name === 0)}\n`)
  fs.writeFileSync(path.join(from, 'present'), `${names(name => name !== 0)}\n`)
  return from
}

function fill(layer: string, names: number, mark: number): void {
  for (let directory = 0; directory < DIRECTORIES; directory++) {
    const folder = path.join(layer, `d${directory}`)
    fs.mkdirSync(folder, { recursive: true })
    for (let name = 0; name < names; name++)
      fs.writeFileSync(path.join(folder, `${mark}-${name}`), 'x')
  }
}
