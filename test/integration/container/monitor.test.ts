// The monitor at the edges of its work: a hand-over that is broken off in the moment when it has
// succeeded, and a disk that its container has filled.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
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

t.test('a container that fills the disk ends with its own status', async t => {
  const small = path.join(scratch(), 'small')
  fs.mkdirSync(small)
  await must('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'none', small])
  const verb = (name: string, ...words: string[]) =>
    run(plyfsProgram(), [name, '--root', `${small}/store`, ...words], { limit: 60_000 })
  await verb('load', '-q', '-i', path.join(scratch(), 'box-1.tar'))
  const fill = 'cat /dev/zero >/fill; exit 3'
  const ran = await verb('run', '--name', 'full', 'box:1', 'sh', '-c', fill)
  t.match(ran, { status: 3, stderr: /No space left/ })
  t.match(await verb('ps', '-a', '--format', '{{.Status}}'), {
    status: 0,
    stdout: /^Exited \(3\)/,
  })
  t.match(await verb('rm', 'full'), { status: 0 })
  await must('umount', [small])
})
