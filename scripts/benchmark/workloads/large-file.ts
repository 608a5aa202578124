// One large file, in the page cache of the filesystem below: read through, read and written in
// blocks anywhere, and mapped. It is compared with the same inode used in its layer, by turns on
// one mount.
import * as path from 'node:path'
import type { Figure } from '../figures.js'
import { figureOf, onMount, runClient, serverCpuOf } from '../measure.js'
import type { Mode } from '../options.js'
import { readFile } from '../stage.js'
import { atLeast } from '../targets.js'
import { PARTS } from '../tree.js'
import { inTurn, rotated, type Turn } from '../turns.js'
import type { Row, Workload } from './workload.js'

const LOWER = `${PARTS.large}/file`
const UPPER = 'large-of-upper'
const BLOCKS = 50_000
/** Turns within a round: each takes a fraction of a second. */
const REPEATS = 2

const FIRST = 'sequential read of a large lower file of a writable mount, first'
const AGAIN = 'sequential read of a large lower file of a writable mount, again'

const readings = [
  { what: 'sequential read', words: ['sequential'], share: 0.95 },
  { what: 'random 4 KB read', words: ['random-read'], share: 0.9 },
  { what: 'mmap read', words: ['map'], share: 0.95 },
]
const writings = [{ what: 'random 4 KB write', words: ['random-write'], share: 0.9 }]

export const largeFile: Workload = {
  name: 'large-file',
  ids: ['P4'],
  async run(turn) {
    const figures: Figure[] = []
    readFile(path.join(turn.stage.layers.merged, LOWER))
    const [plyfs] = inTurn(turn, ['plyfs'])
    if (plyfs !== undefined && turn.modes.includes('ro')) {
      await onMount(plyfs, turn.stage.layers, 'ro', [], async ({ at, mark }) => {
        const layer = turn.stage.layers.merged
        const roots = { plyfs: at, bare: layer }
        figures.push(...(await besides(turn, 'ro', rows(LOWER, readings), roots, mark)))
      })
    }
    if (turn.modes.includes('rw')) figures.push(...(await writable(turn)))
    return figures
  },
  targets: () => [
    ...readings.map(({ what, share }) =>
      atLeast('P4', title(what, LOWER), 'ro', share, 'bare'),
    ),
    ...[...readings, ...writings].map(({ what, share }) =>
      atLeast('P4', title(what, UPPER), 'rw', share, 'bare'),
    ),
    atLeast('P4', FIRST, 'rw', 0.8, 'floor'),
    atLeast('P4', AGAIN, 'rw', 0.9, 'bare'),
  ],
}

/** A lower file of a writable mount, on plyfs and on the floor; then a file of the upper. */
async function writable(turn: Turn): Promise<Figure[]> {
  const figures: Figure[] = []
  const { layers, programs, sizes } = turn.stage
  const client = ['sequential', LOWER]
  const first: Row = { row: 'P4', title: FIRST, client, proof: 'bytes' }
  const again: Row = { row: 'P4', title: AGAIN, client, proof: 'bytes' }
  for (const driver of inTurn(turn, ['floor', 'plyfs'])) {
    await onMount(driver, layers, 'rw', [], async ({ at, mark }) => {
      const done = await serverCpuOf(mark, () => runClient(programs.client, client, at))
      figures.push(figureOf(first, 'rw', driver.name, done.output, done.serverCpu))
      if (driver.name !== 'plyfs') return
      const lower = { plyfs: at, bare: layers.merged }
      figures.push(...(await besides(turn, 'rw', [again], lower, mark)))
      await runClient(programs.client, ['write', UPPER, String(sizes.size.large)], at)
      const works = rows(UPPER, [...readings, ...writings])
      const upper = { plyfs: at, bare: layers.upper }
      figures.push(...(await besides(turn, 'rw', works, upper, mark)))
    })
  }
  return figures
}

/** The same work on the mount and in the layer, by turns. */
async function besides(
  turn: Turn,
  mode: Mode,
  works: readonly Row[],
  roots: Readonly<Record<string, string>>,
  mark: string,
): Promise<Figure[]> {
  const { client } = turn.stage.programs
  const figures: Figure[] = []
  for (const row of works) {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      for (const [driver, root] of rotated(Object.entries(roots), turn.round + repeat)) {
        const done = await serverCpuOf(mark, () => runClient(client, row.client, root))
        const serverCpu = driver === 'bare' ? 0 : done.serverCpu
        figures.push(figureOf(row, mode, driver, done.output, serverCpu))
      }
    }
  }
  return figures
}

function rows(file: string, kinds: typeof readings): Row[] {
  return kinds.map(({ what, words }) => {
    const counts = words[0]?.startsWith('random') === true ? [String(BLOCKS)] : []
    return {
      row: 'P4',
      title: title(what, file),
      client: [...words, file, ...counts],
      proof: 'bytes',
    }
  })
}

function title(what: string, file: string): string {
  const where = path.basename(file) === UPPER ? 'an upper' : 'a read-only lower'
  return `${what} of a large file of ${where}`
}
