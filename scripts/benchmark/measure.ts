// One measurement: a fresh mount of one driver, the rows of one workload on it, unmounted.
// Everything has a time limit; what is left of a mount that failed is ended by its mark.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { cpuSeconds, endMarked } from '../processes/marked.js'
import type { Driver, Layers } from './drivers/driver.js'
import type { Mode } from './options.js'
import type { Material, Row, Workload } from './workloads/workload.js'

export interface Figure {
  readonly driver: string
  readonly mode: Mode
  readonly title: string
  readonly seconds: number
  /** Of the processes that did the work, user and system. */
  readonly clientCpu: number
  /** Of the server's processes; 0 where there is none. */
  readonly serverCpu: number
  /** Lines or bytes, to be compared; empty for a mount. */
  readonly proof: string
}

interface ClientOutput {
  readonly seconds: number
  readonly user: number
  readonly system: number
  readonly bytes: number
  readonly lines: number
}

/** What all measurements use. */
export interface Stage {
  /** Mount point of the disk below. */
  readonly disk: string
  readonly layers: Layers
  readonly material: Material
  /** The compiled client.c. */
  readonly client: string
}

export const MOUNT_ROW = 'mount, until it serves'
const ROW_LIMIT_MS = 300_000
const SERVER_END_MS = 10_000

/** Throws an Error that says what went wrong, after ending what was mounted. */
export async function measure(
  driver: Driver,
  workload: Workload,
  mode: Mode,
  { layers, material, client }: Stage,
): Promise<Figure[]> {
  const mark = `bench.${process.pid}.${driver.name}`
  for (const folder of [layers.upper, layers.work]) {
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder)
  }
  const figures: Figure[] = []
  let at: string | null = null
  try {
    const started = performance.now()
    at = driver.mount(layers, mode, workload.changes, mark)
    const seconds = (performance.now() - started) / 1000
    const mounting = { title: MOUNT_ROW, seconds, clientCpu: 0, serverCpu: 0, proof: '' }
    if (driver.name !== 'bare') figures.push({ driver: driver.name, mode, ...mounting })
    if (workload.dropsCaches === true) dropCaches()
    for (const row of workload.rows(material)) {
      const before = cpuSeconds(mark)
      const done = runClient(client, row, at)
      const serverCpu = cpuSeconds(mark) - before
      figures.push({ driver: driver.name, mode, title: row.title, ...done, serverCpu })
    }
  } finally {
    if (at !== null) attempt(() => driver.unmount(at ?? ''))
    const left = await endMarked(mark, SERVER_END_MS)
    if (left.length > 0) attempt(() => spawnSync('umount', ['-l', layers.mountPoint]))
  }
  return figures
}

function dropCaches(): void {
  fs.writeFileSync('/proc/sys/vm/drop_caches', '3')
}

function runClient(client: string, row: Row, root: string) {
  const { status, stdout, stderr, error } = spawnSync(client, row.client, {
    cwd: root,
    encoding: 'utf8',
    timeout: ROW_LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  if (status !== 0) throw new Error(`${row.title}: ${error?.message ?? stderr.trim()}`)
  const output = JSON.parse(stdout) as ClientOutput
  return {
    seconds: output.seconds,
    clientCpu: output.user + output.system,
    proof: `${output[row.proof]} ${row.proof}`,
  }
}

/** Clearing up must not hide the error that is on its way. */
function attempt(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`)
  }
}
