// What the check of an image's layers costs at its mount: a mount with --verify=quick beside one
// without a check, and beside one `find` with stat over the same layers.
import { endMarked } from '../../processes/marked.js'
import { plyfsProgram, start, unmount } from '../drivers/command.js'
import type { Figure } from '../figures.js'
import { commandFigure } from '../image-tools.js'
import { plainFigure } from '../measure.js'
import { target, type Term } from '../targets.js'
import { rotated, type Turn } from '../turns.js'
import { performance } from 'node:perf_hooks'
import type { Workload } from './workload.js'

const mountTitle = (mode: string) => `mount of an image, --verify=${mode}`
const FIND = 'find with stat over the layers of an image'
const END_LIMIT_MS = 10_000
/** Turns within a round: each takes a fraction of a second. */
const REPEATS = 3

const term = (factor: number, mode: string): Term => ({
  factor,
  drivers: ['plyfs'],
  title: mountTitle(mode),
  mode: null,
})

/** What the quick check adds to a mount, as terms of a target. */
export const QUICK_CHECK: readonly Term[] = [term(1, 'quick'), term(-1, 'none')]

export const verify: Workload = {
  name: 'verify',
  // The start of a container is compared with what the check takes, too.
  ids: ['verify', 'container'],
  async run(turn) {
    const { image } = turn.stage
    if (!turn.wants('plyfs')) return []
    const row = { row: 'verify', title: FIND, proof: 'lines' as const }
    const words = ['find', ...image.lowers, '-printf', '%m %U %G %s %T@ %C@ %i %p\\n']
    const figures = [await commandFigure(turn, row, 'find', words)]
    for (let repeat = 0; repeat < REPEATS; repeat++)
      for (const mode of rotated(['quick', 'none'], turn.round + repeat))
        figures.push(await mounting(turn, mode))
    return figures
  },
  targets: () => {
    const terms = [{ factor: 1, drivers: ['find'], title: FIND, mode: null }]
    return [
      target('verify', mountTitle('quick'), null, terms, { without: [term(1, 'none')] }),
    ]
  },
}

async function mounting({ stage }: Turn, mode: string): Promise<Figure> {
  const mark = `bench.${process.pid}.verify`
  const { image } = stage
  const { root = '', name = '' } = image.image ?? {}
  const words = [plyfsProgram(), 'mount', `--verify=${mode}`, '--root', root, name]
  try {
    const started = performance.now()
    start([...words, image.mountPoint], image, mark)
    const value = (performance.now() - started) / 1000
    unmount(image.mountPoint)
    const title = mountTitle(mode)
    return plainFigure({
      row: 'verify',
      title,
      mode: null,
      driver: 'plyfs',
      value,
      unit: 's',
    })
  } finally {
    await endMarked(mark, END_LIMIT_MS)
  }
}
