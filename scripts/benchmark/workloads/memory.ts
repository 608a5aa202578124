// Private memory of the serving process (smaps_rollup): after its start, over a Node with one
// worker that does nothing; after a walk through the tree; and what each further mount of the same
// process adds.
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { withDaemon } from '../drivers/daemon.js'
import type { Layers } from '../drivers/driver.js'
import type { Figure } from '../figures.js'
import { onMount, plainFigure, runClient } from '../measure.js'
import { within } from '../targets.js'
import { PARTS } from '../tree.js'
import { inTurn, type Turn } from '../turns.js'
import { marked } from '../../processes/marked.js'
import type { Workload } from './workload.js'

const STARTED = 'private memory of a server after its start, over Node with one worker'
const WALKED = 'private memory more after a walk through the tree'
const FURTHER = 'private memory more for each further mount of the same process'
const FURTHER_MOUNTS = 10

export const memory: Workload = {
  name: 'memory',
  ids: ['P12'],
  async run(turn) {
    if (!turn.wants('plyfs')) return []
    const figures: Figure[] = []
    const empty = await emptyNode()
    for (const driver of inTurn(turn, ['plyfs'])) {
      await onMount(driver, turn.stage.layers, 'rw', [], async ({ at, mark }) => {
        const started = privateBytes(mark)
        const walk = ['run', '1', 'find', PARTS.tree, '-printf', '%s %p\\n']
        await runClient(turn.stage.programs.client, walk, at)
        const walked = privateBytes(mark)
        figures.push(megabytes(STARTED, started - empty))
        figures.push(megabytes(WALKED, walked - started))
      })
    }
    figures.push(...(await further(turn)))
    return figures
  },
  targets: () => [
    within('P12', STARTED, null, 15),
    within('P12', WALKED, null, 25),
    within('P12', FURTHER, null, 1),
  ],
}

async function further(turn: Turn): Promise<Figure[]> {
  const { stage } = turn
  const mounted: string[] = []
  try {
    return await withDaemon(stage, async daemon => {
      const mount = (number: number) => {
        const folder = stage.folder(`further${number}`)
        const own: Layers = {
          ...stage.layers,
          upper: path.join(folder, 'upper'),
          work: path.join(folder, 'work'),
          mountPoint: path.join(folder, 'mnt'),
        }
        for (const made of [own.upper, own.work, own.mountPoint]) fs.mkdirSync(made)
        mounted.push(daemon.mount(own, 'rw'))
        fs.readdirSync(own.mountPoint)
      }
      try {
        mount(0)
        const one = privateBytes(daemon.mark)
        for (let number = 1; number <= FURTHER_MOUNTS; number++) mount(number)
        const all = privateBytes(daemon.mark)
        return await Promise.resolve([megabytes(FURTHER, (all - one) / FURTHER_MOUNTS)])
      } finally {
        for (const at of mounted) daemon.unmount(at)
      }
    })
  } catch (error) {
    turn.failed('plyfs', FURTHER, error)
    return []
  }
}

const IDLE_WORKER = `setInterval(() => {}, 1e6)
require('node:worker_threads').parentPort.postMessage(0)`
const WITH_WORKER = `const { Worker } = require('node:worker_threads')
new Worker(${JSON.stringify(IDLE_WORKER)}, { eval: true })
  .once('message', () => process.stdout.write('ready'))`

/** Of a Node whose one worker waits. */
async function emptyNode(): Promise<number> {
  const child = spawn(process.execPath, ['-e', WITH_WORKER], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    await once(child.stdout, 'data')
    return privateOf(child.pid ?? 0)
  } finally {
    child.kill('SIGKILL')
  }
}

function privateBytes(mark: string): number {
  return marked(mark).reduce((sum, pid) => sum + privateOf(pid), 0)
}

/** Private_Clean and Private_Dirty, with what is in huge pages, in bytes. */
function privateOf(pid: number): number {
  const rollup = fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1')
  const sizes = [...rollup.matchAll(/^Private_\w+: +(\d+) kB$/gm)]
  return sizes.reduce((sum, [, kilobytes]) => sum + Number(kilobytes) * 1024, 0)
}

function megabytes(title: string, bytes: number): Figure {
  const value = bytes / 2 ** 20
  return plainFigure({
    row: 'P12',
    title,
    mode: null,
    driver: 'plyfs',
    value,
    unit: 'MB',
  })
}
