// Archives of images, mounted without unpacking: from the command until the root can be listed, the
// first time, when an index is made, and the next, when there is one.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { performance } from 'node:perf_hooks'
import { start, plyfsProgram, unmount } from '../drivers/command.js'
import { withDaemon } from '../drivers/daemon.js'
import type { Layers } from '../drivers/driver.js'
import { endMarked, marked } from '../../processes/marked.js'
import type { Figure } from '../figures.js'
import { commandFigure } from '../image-tools.js'
import { attempt, plainFigure } from '../measure.js'
import { imageArchive, readFile, type Stage } from '../stage.js'
import { target, within, type Term } from '../targets.js'
import type { Turn } from '../turns.js'
import { nodeStart } from './start.js'
import type { Workload } from './workload.js'

const NODE = 'node -e 0, beside the archives'
const FIRST = 'a docker archive to a browsable root, first'
const NEXT = 'a docker archive to a browsable root, again'
const HANDED = 'a docker archive to a browsable root, again, with a running daemon'
const GZIP = 'a gzip docker archive to a browsable root, first'
const INFLATE = 'gzip -dc of the archive'
const END_LIMIT_MS = 10_000

const node = (factor: number): Term => ({
  factor,
  drivers: ['node'],
  title: NODE,
  mode: null,
})

export const archives: Workload = {
  name: 'archives',
  ids: ['archive'],
  async run(turn) {
    const archive = imageArchive(turn.stage.sizes.image)
    readFile(archive)
    const figures: Figure[] = [nodeStart('archive', NODE)]
    if (turn.wants('plyfs')) {
      const store = turn.stage.folder('archive-store')
      for (const title of [FIRST, NEXT])
        figures.push(await mounting(turn.stage, title, store, archive))
      figures.push(...(await handed(turn, store, archive)))
    }
    return figures
  },
  targets: () => [
    target('archive', FIRST, null, [node(1)], { constant: 0.2 }),
    target('archive', NEXT, null, [node(2)], { constant: 0.06 }),
    within('archive', HANDED, null, 0.06),
  ],
}

export const gzipArchive: Workload = {
  name: 'gzip-archive',
  ids: ['gzip'],
  async run(turn) {
    const archive = compressed(turn.stage, imageArchive(turn.stage.sizes.image))
    readFile(archive)
    const row = { row: 'gzip', title: INFLATE, proof: 'bytes' as const }
    const figures = [await commandFigure(turn, row, 'gzip', ['gzip', '-dc', archive])]
    if (turn.wants('plyfs')) {
      const store = turn.stage.folder('archive-store')
      figures.push(await mounting(turn.stage, GZIP, store, archive))
    }
    return figures
  },
  targets: () => {
    const terms = [{ factor: 1.3, drivers: ['gzip'], title: INFLATE, mode: null }]
    return [target('gzip', GZIP, null, terms)]
  },
}

function compressed(stage: Stage, archive: string): string {
  const file = path.join(stage.disk, 'archive.tar.gz')
  if (!fs.existsSync(file))
    execFileSync('sh', ['-c', 'gzip -c "$1" >"$2"', 'sh', archive, file])
  return file
}

async function mounting(
  stage: Stage,
  title: string,
  store: string,
  archive: string,
  environment?: Readonly<Record<string, string>>,
): Promise<Figure> {
  const isHanded = environment !== undefined
  const mark = `bench.${process.pid}.archive`
  const layers = mountOf(stage)
  const at = layers.mountPoint
  const words = [plyfsProgram(), 'mount', '--root', store, archive, at]
  try {
    const started = performance.now()
    start(words, layers, mark, environment)
    if (isHanded && marked(mark).length > 0)
      throw new Error('the daemon of this build takes no mounts of archives')
    if (fs.readdirSync(at).length === 0) throw new Error('the root is empty')
    const value = (performance.now() - started) / 1000
    const row = title === GZIP ? 'gzip' : 'archive'
    return plainFigure({ row, title, mode: null, driver: 'plyfs', value, unit: 's' })
  } finally {
    attempt(() => {
      unmount(at)
    })
    await endMarked(mark, END_LIMIT_MS)
  }
}

async function handed(turn: Turn, store: string, archive: string): Promise<Figure[]> {
  try {
    return await withDaemon(
      turn.stage,
      async daemon => {
        const figure = () =>
          mounting(turn.stage, HANDED, store, archive, daemon.environment)
        // The first mount of a daemon makes what later ones find.
        await figure()
        await daemon.rest()
        return [await figure()]
      },
      store,
    )
  } catch (error) {
    turn.failed('plyfs', HANDED, error)
    return []
  }
}

function mountOf(stage: Stage): Layers {
  const mountPoint = path.join(stage.disk, 'archive-mnt')
  fs.mkdirSync(mountPoint, { recursive: true })
  return { lowers: [], merged: '', upper: '', work: '', mountPoint }
}
