// Whoever is killed at whatever stage of a start, `plyfs ps` or the next start finds no mount, no
// process, no control group and no half-made record of it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import type { Test } from 'tap'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import {
  containerIds,
  loadUsual,
  mountsNaming,
  ok,
  processes,
  storeRoot,
  until,
} from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

const WHO = {
  'the boot program': /^\d+ bootfs\/boot/,
  'the runtime': /^\d+ .*\brunc .*\brun --detach/,
  'the monitor': /^\d+ \S*plyfs-monitor/,
  'the serving process': /container-serve/,
  'the command': null,
} as const

/** Told by --trace-boot: the boot program waits for the command that it stops here. */
const TOLD = ['bootfs', 'rootfs', 'integrity check', 'writable layer'] as const
/** The hand-over, before the runtime makes the container, and when the container's process runs. */
const HELD = ['before the container', 'with the container'] as const
const RUNS = 'bootfs unmounted'
type Stage = (typeof TOLD)[number] | (typeof HELD)[number] | typeof RUNS

const STAGES: readonly (readonly [who: keyof typeof WHO, stages: readonly Stage[]])[] = [
  ['the boot program', TOLD],
  ['the runtime', HELD],
  ['the monitor', [...TOLD, ...HELD, RUNS]],
  ['the serving process', [...TOLD.slice(1), ...HELD, RUNS]],
  ['the command', TOLD],
]

/** Files by which a runtime is held, and by which it tells that it is. */
const at = (name: string): string => path.join(scratch(), name.replaceAll(' ', '-'))

/** runc, but that it waits at the stages that are held. */
const runtime = path.join(scratch(), 'bin/runc')
const runc = (await must('sh', ['-c', 'command -v runc'])).trim()
fs.mkdirSync(path.dirname(runtime))
const wait = (stage: string): string =>
  `touch ${at(`at ${stage}`)}; while [ -e ${at(`hold ${stage}`)} ]; do sleep 0.05; done`
fs.writeFileSync(
  runtime,
  `#!/bin/sh
case " $* " in
  *' run --detach '*) ;;
  *) exec ${runc} "$@" ;;
esac
${wait(HELD[0])}
${runc} "$@"
status=$?
${wait(HELD[1])}
exit $status
`,
  { mode: 0o755 },
)

/** A start that is at a stage. */
async function startedUpTo(stage: Stage, flags: readonly string[]) {
  const isHeld = HELD.some(one => one === stage)
  for (const one of HELD)
    for (const name of [`at ${one}`, `hold ${one}`]) fs.rmSync(at(name), { force: true })
  if (isHeld) fs.writeFileSync(at(`hold ${stage}`), '')
  const words = ['run', '--root', storeRoot(), '--trace-boot', '--runtime', runtime]
  const child = spawn(plyfsProgram(), [...words, ...flags, 'box:1', 'sleep', '4321'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (piece: Buffer) => {
    const before = said.includes(`boot: ${stage}`)
    said += piece.toString()
    // It would tell the boot program to go on.
    if (TOLD.some(one => one === stage) && !before && said.includes(`boot: ${stage}`))
      child.kill('SIGSTOP')
  })
  const ended = once(child, 'close')
  const reached = await until(() =>
    isHeld ? fs.existsSync(at(`at ${stage}`)) : said.includes(`boot: ${stage}`),
  )
  if (!reached) throw new Error(`${stage} was not reached: ${said}`)
  return { child, ended: async () => (await ended) as [number | null, string | null] }
}

/** Kills all with these words; how many there were. */
function killAll(words: RegExp): number {
  const found = processes().filter(line => words.test(line))
  for (const line of found) {
    try {
      process.kill(Number(line.split(' ')[0]), 'SIGKILL')
    } catch {
      // It has ended with another of them.
    }
  }
  return found.length
}

/** The container's own process. */
function sleepers(): string[] {
  return fs
    .readdirSync('/proc')
    .filter(pid => /^\d+$/.test(pid))
    .filter(pid => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1') === 'sleep\x004321\0'
      } catch {
        return false
      }
    })
}

function groupsOf(id: string): string[] {
  const root = '/sys/fs/cgroup'
  return ['', ...fs.readdirSync(root)]
    .map(hierarchy => path.join(root, hierarchy, 'plyfs', id))
    .filter(group => fs.existsSync(group))
}

async function nothingRuns(t: Test, id: string): Promise<void> {
  t.ok(await until(() => processes().length === 0), 'no process', { left: processes() })
  t.same(sleepers(), [], 'no process of the container')
  t.same(mountsNaming(storeRoot()), [], 'no mount in any mountinfo')
  t.same(groupsOf(id), [], 'no control group')
}

async function killAt(t: Test, who: keyof typeof WHO, stage: Stage, flags: string[]) {
  const { child, ended } = await startedUpTo(stage, flags)
  const [id = ''] = containerIds()
  const words = WHO[who]
  if (words === null) child.kill('SIGKILL')
  else t.ok(await until(() => killAll(words) > 0), `${who} is there`)
  for (const one of HELD) fs.rmSync(at(`hold ${one}`), { force: true })
  child.kill('SIGCONT')
  const [code, signal] = await ended()
  if (words === null) t.equal(signal, 'SIGKILL')
  else if (stage === RUNS) t.equal(code, 137, 'the status of a killed container')
  // It runs, or is known to run before its server has gone.
  else if (stage === HELD[1])
    t.ok(code === 125 || code === 137, `the status: ${code ?? ''}`)
  else t.equal(code, 125, 'the status of one that could not be started')
  return id
}

for (const [who, stages] of STAGES)
  for (const stage of stages) {
    t.test(`${who} is killed at: ${stage}`, async t => {
      const id = await killAt(t, who, stage, ['--rm'])
      await ok('ps')
      await nothingRuns(t, id)
      t.same(containerIds(), [], 'no record')
      t.same(fs.readdirSync(path.join(storeRoot(), 'uses')), [], 'no use of the image')
    })
    t.test(`${who} is killed at: ${stage}; then it starts again`, async t => {
      const id = await killAt(t, who, stage, ['--name', 'again'])
      await ok('start', 'again')
      t.equal(await ok('inspect', '-f', '{{.State.Status}}', 'again'), 'running')
      t.equal(sleepers().length, 1, 'one process')
      // The server of the start that failed may be on its way out.
      const two = await until(() => processes().length === 2)
      t.ok(two, 'one monitor and one server', { all: processes() })
      await ok('rm', '-f', 'again')
      await nothingRuns(t, id)
      t.same(containerIds(), [])
    })
  }
