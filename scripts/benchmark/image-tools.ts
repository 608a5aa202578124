// Other programs that keep images and run containers, with storage of their own on the disk that
// is measured on, and plyfs's store there.
import { execFileSync, spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { MARK, endMarked } from '../processes/marked.js'
import { plyfsProgram } from './drivers/command.js'
import { runClient, type ClientOutput } from './measure.js'
import type { Row } from './workloads/workload.js'
import type { Turn } from './turns.js'
import { figureOf } from './measure.js'
import type { Figure } from './figures.js'

const END_LIMIT_MS = 10_000
const DOCKER_TRIES = 100

/** plyfs without a daemon of the machine's, on a store. */
export function plyfsWords(host = 'none'): string[] {
  return ['env', `PLYFS_HOST=${host}`, plyfsProgram()]
}

/** podman with its native driver, overlayfs. Its limits are those that an ordinary host allows. */
export function podmanWords(folder: string): string[] {
  fs.mkdirSync(folder, { recursive: true })
  const storage = path.join(folder, 'storage.conf')
  const containers = path.join(folder, 'containers.conf')
  fs.writeFileSync(
    storage,
    `[storage]\ndriver = "overlay"\ngraphroot = "${folder}/root"\nrunroot = "${folder}/run"\n`,
  )
  fs.writeFileSync(
    containers,
    `[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[containers]
log_driver = "k8s-file"
default_ulimits = [ "nofile=20000:20000", "nproc=32768:32768" ]
pids_limit = 0
`,
  )
  return [
    'env',
    `CONTAINERS_STORAGE_CONF=${storage}`,
    `CONTAINERS_CONF=${containers}`,
    `TMPDIR=${folder}`,
    'podman',
  ]
}

/** Removes a folder with all that was mounted in it: some keep their storage mounted on itself. */
export function removeStore(folder: string): void {
  const mounts = fs
    .readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .map(line => line.split(' ')[4] ?? '')
    .filter(at => at.startsWith(`${folder}/`))
  for (const at of mounts.reverse()) execFileSync('umount', ['-l', at])
  fs.rmSync(folder, { recursive: true, force: true })
}

export function hasDocker(): boolean {
  return (process.env['PATH'] ?? '')
    .split(':')
    .some(folder => fs.existsSync(path.join(folder, 'dockerd')))
}

/** Runs `use` beside a dockerd with a storage of its own. */
export async function withDocker<T>(
  folder: string,
  use: (words: readonly string[]) => Promise<T>,
): Promise<T> {
  const mark = `bench.${process.pid}.docker`
  const host = `unix://${folder}/socket`
  const own = ['--data-root', `${folder}/data`, '--exec-root', `${folder}/exec`]
  const network = ['--iptables=false', '--ip6tables=false', '--bridge=none']
  const files = ['-H', host, '--pidfile', `${folder}/pid`]
  const child = spawn(
    'dockerd',
    [...network, '--storage-driver=overlay2', ...own, ...files],
    { stdio: 'ignore', env: { ...process.env, [MARK]: mark } },
  )
  const words = ['docker', '-H', host]
  try {
    await answers(words)
    return await use(words)
  } finally {
    child.kill('SIGTERM')
    await endMarked(mark, END_LIMIT_MS)
  }
}

async function answers([program = '', ...words]: readonly string[]): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      execFileSync(program, [...words, 'version'], { stdio: 'ignore' })
      return
    } catch (error) {
      if (tries === DOCKER_TRIES) throw error
      await delay(100)
    }
  }
}

/** A command as a row: its time is a figure of the driver's. */
export async function commandFigure(
  turn: Turn,
  row: Omit<Row, 'client'>,
  driver: string,
  words: readonly string[],
): Promise<Figure> {
  const output = await runCommand(turn, ['run', '1', ...words])
  return figureOf({ ...row, client: words }, null, driver, output, 0)
}

/** client.c on the disk. */
export function runCommand(turn: Turn, words: readonly string[]): Promise<ClientOutput> {
  return runClient(turn.stage.programs.client, words, turn.stage.disk)
}
