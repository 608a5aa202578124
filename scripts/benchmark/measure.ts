// One measurement: a fresh mount of one driver, the rows of one workload on it, unmounted.
// Everything has a time limit; what is left of a mount that failed is ended by its mark.
import { execFile, spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { performance } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { cpuSeconds, endMarked } from '../processes/marked.js'
import type { Driver, Layers } from './drivers/driver.js'
import type { Figure } from './figures.js'
import type { Mode } from './options.js'
import type { Stage } from './stage.js'
import type { Mounted, Row } from './workloads/workload.js'

/** What client.c prints. */
export interface ClientOutput {
  readonly seconds: number
  readonly user: number
  readonly system: number
  readonly bytes: number
  readonly lines: number
  /** Seconds that all but one in a hundred took less than, where it measures each. */
  readonly p99: number
  /** Kilobytes that the largest of the programs had in memory. */
  readonly peak: number
}

const ROW_LIMIT_MS = 300_000
const SERVER_END_MS = 10_000

/** Throws an Error that says what went wrong, after ending what was mounted. */
export async function measure(
  driver: Driver,
  work: Mounted,
  mode: Mode,
  stage: Stage,
): Promise<Figure[]> {
  const figures: Figure[] = []
  const rows = work.rows(stage, mode)
  const { client } = stage.programs
  const layers = work.layers?.(stage) ?? stage.layers
  await onMount(driver, layers, mode, work.changes, async ({ at, mark }) => {
    if (work.dropsCaches === true) stage.dropCaches()
    for (const row of rows) {
      const done = await serverCpuOf(mark, () => runClient(client, row.client, at))
      figures.push(figureOf(row, mode, driver.name, done.output, done.serverCpu))
    }
  })
  return figures
}

export interface MountedRoot {
  readonly at: string
  /** Of the serving processes. */
  readonly mark: string
  /** From the mount command until the root could be listed. */
  readonly seconds: number
}

/** Mounts with a fresh upper, hands the merged root to `use`, and ends everything again. */
export async function onMount<T>(
  driver: Driver,
  layers: Layers,
  mode: Mode,
  changes: readonly string[],
  use: (mounted: MountedRoot) => Promise<T> | T,
): Promise<T> {
  const mark = `bench.${process.pid}.${driver.name}.${layers.mountPoint}`
  for (const folder of [layers.upper, layers.work]) {
    fs.rmSync(folder, { recursive: true, force: true })
    fs.mkdirSync(folder, { recursive: true })
  }
  let at: string | null = null
  try {
    const started = performance.now()
    at = driver.mount(layers, mode, changes, mark)
    // A mount that cannot be listed is not there yet.
    fs.readdirSync(at)
    const seconds = (performance.now() - started) / 1000
    return await use({ at, mark, seconds })
  } finally {
    if (at !== null) attempt(() => driver.unmount(at ?? ''))
    const left = await endMarked(mark, SERVER_END_MS)
    if (left.length > 0) attempt(() => spawnSync('umount', ['-l', layers.mountPoint]))
  }
}

/** A figure that is no time of client.c's. */
export function plainFigure(
  figure: Pick<Figure, 'row' | 'title' | 'mode' | 'driver' | 'value' | 'unit'>,
): Figure {
  return { ...figure, clientCpu: 0, serverCpu: 0, proof: '', untimed: false }
}

export function figureOf(
  { row, title, proof, untimed = false }: Row,
  mode: Mode | null,
  driver: string,
  output: ClientOutput,
  serverCpu: number,
): Figure {
  return {
    row,
    title,
    mode,
    driver,
    value: output.seconds,
    unit: 's',
    clientCpu: output.user + output.system,
    serverCpu,
    proof: `${output[proof]} ${proof}`,
    untimed,
  }
}

/** What the marked processes used while `action` ran. */
export async function serverCpuOf<T>(
  mark: string,
  action: () => Promise<T>,
): Promise<{ output: T; serverCpu: number }> {
  const before = cpuSeconds(mark)
  const output = await action()
  return { output, serverCpu: cpuSeconds(mark) - before }
}

/** Runs client.c in a directory. */
export async function runClient(
  client: string,
  words: readonly string[],
  cwd: string,
): Promise<ClientOutput> {
  const { stdout } = await promisify(execFile)(client, words, {
    cwd,
    timeout: ROW_LIMIT_MS,
    killSignal: 'SIGKILL',
  })
  return JSON.parse(stdout) as ClientOutput
}

/** Clearing up must not hide the error that is on its way. */
export function attempt(action: () => unknown): void {
  try {
    action()
  } catch (error) {
    console.error(`bench: ${(error as Error).message}`)
  }
}
