// The monitor at the edges of its work: a hand-over that is broken off in the moment when it has
// succeeded, and a disk that its container has filled.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, type Ran, run } from '../../helpers/run.js'
import { loadUsual, mountsNaming, ok, processes, storeRoot, until } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

/** A runtime that waits, after the container's process runs, until a file is there. */
const runtime = path.join(scratch(), 'runtime')
const go = path.join(scratch(), 'go')
fs.writeFileSync(
  runtime,
  `#!/bin/sh
case " $* " in
  *' run '*) ;;
  *) exec runc "$@" ;;
esac
runc "$@"
status=$?
while [ ! -e ${go} ]; do sleep 0.05; done
exit $status
`,
  { mode: 0o755 },
)

function pidOf(words: RegExp): number {
  return Number(
    processes()
      .find(line => words.test(line))
      ?.split(' ')[0],
  )
}

/** None of them lives to see that another has ended: what is left is settled by whoever comes by. */
function killAtOnce(...pids: readonly number[]): void {
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const)
    for (const pid of pids) process.kill(pid, signal)
}

const isRunning = () =>
  fs
    .readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .some(pid => {
      try {
        return fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1') === 'sleep\x001234\0'
      } catch {
        return false
      }
    })

/** A container that runs, while its monitor does not know it yet. */
async function started() {
  fs.rmSync(go, { force: true })
  const words = ['run', '--root', storeRoot(), '--runtime', runtime, '--rm', 'box:1']
  const child = spawn(plyfsProgram(), [...words, 'sleep', '1234'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.on('data', (piece: Buffer) => (said += piece.toString()))
  const ended = once(child, 'close')
  if (!(await until(isRunning))) throw new Error(`it does not run: ${said}`)
  return { ended: async () => [...((await ended) as unknown[]), said] }
}

t.test('SIGTERM that comes together with the end of the runtime ends it', async t => {
  const { ended } = await started()
  const monitor = pidOf(/plyfs-monitor/)
  process.kill(monitor, 'SIGSTOP')
  fs.writeFileSync(go, '')
  const child = `/proc/${monitor}/task/${monitor}/children`
  const isZombie = (pid: string) =>
    /^State:\s*Z/m.test(fs.readFileSync(`/proc/${pid}/status`, 'latin1'))
  t.ok(
    await until(() => fs.readFileSync(child, 'latin1').trim().split(' ').some(isZombie)),
    'the runtime has ended, and nobody has heard of it',
  )
  process.kill(monitor, 'SIGTERM')
  process.kill(monitor, 'SIGCONT')
  t.match(await ended(), [125, null, /could not be started: signal/])
  t.ok(await until(() => processes().length === 0 && !isRunning()))
  t.equal(await ok('ps', '-aq'), '')
})

t.test('a serving process that is lost during the hand-over ends it', async t => {
  const { ended } = await started()
  process.kill(pidOf(/container-serve/), 'SIGKILL')
  await new Promise(resolve => setTimeout(resolve, 200))
  fs.writeFileSync(go, '')
  t.match(await ended(), [125, null, /could not be started: server/])
  t.ok(await until(() => processes().length === 0 && !isRunning()))
  t.equal(await ok('ps', '-aq'), '')
  t.same(mountsNaming(storeRoot()), [])
})

/** A verb on a store on a disk that is easily filled. */
async function smallStore(): Promise<{
  readonly root: string
  verb(name: string, ...words: string[]): Promise<Ran>
}> {
  const small = fs.mkdtempSync(path.join(scratch(), 'small-'))
  await must('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'none', small])
  const root = `${small}/store`
  const verb = (name: string, ...words: string[]) =>
    run(plyfsProgram(), [name, '--root', root, ...words], { limit: 60_000 })
  await verb('load', '-q', '-i', path.join(scratch(), 'box-1.tar'))
  return { root, verb }
}

t.test('a container that fills the disk ends with its own status', async t => {
  const { verb } = await smallStore()
  const fill = 'cat /dev/zero >/fill; exit 3'
  const ran = await verb('run', '--name', 'full', 'box:1', 'sh', '-c', fill)
  t.match(ran, { status: 3, stderr: /No space left/ })
  t.match(await verb('ps', '-a', '--format', '{{.Status}}'), {
    status: 0,
    stdout: /^Exited \(3\)/,
  })
  t.match(await verb('rm', 'full'), { status: 0 })
})

t.test(
  'one that was killed on a full disk is told of, and noted when there is room',
  async t => {
    const { root, verb } = await smallStore()
    // What the runtime gives back when it deletes a container is taken at once.
    const filling = path.join(scratch(), 'filling')
    const more = `cat /dev/zero >>${root}/more 2>/dev/null`
    const deletes = `case " $* " in *' delete '*) runc "$@"; ${more}; exit 0 ;; esac`
    fs.writeFileSync(filling, `#!/bin/sh\n${deletes}\nexec runc "$@"\n`, { mode: 0o755 })
    const words = ['-d', '--name', 'full', '--runtime', filling, 'box:1', 'sh', '-c']
    const ran = await verb('run', ...words, 'cat /dev/zero >/fill; exec sleep 1234')
    t.match(ran, { status: 0 })
    t.ok(await until(isRunning), 'the disk is full')
    killAtOnce(pidOf(/plyfs-monitor/), pidOf(/container-serve/))
    const told = await verb('ps', '-a', '--format', '{{.Status}}')
    t.match(told, {
      status: 0,
      stdout: 'Dead\n',
      stderr: /cannot note .* full was killed: /,
    })
    fs.writeFileSync(filling, '#!/bin/sh\nexec runc "$@"\n')
    fs.rmSync(`${root}/more`)
    t.match(await verb('ps', '-a', '--format', '{{.Status}}'), {
      status: 0,
      stdout: /^Exited \(137\)/,
      stderr: '',
    })
    t.match(await verb('rm', 'full'), { status: 0 })
    t.ok(await until(() => processes().length === 0 && !isRunning()))
  },
)
