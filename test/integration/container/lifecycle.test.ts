// The life of a container from `run -d` to `rm`, as the verbs show and change it.
import { isolated } from '../../helpers/isolated.js'
import {
  containerIds,
  loadUsual,
  mountsNaming,
  ok,
  plyfs,
  processes,
  until,
} from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
const LOOP = 'trap "exit 5" TERM; echo up; echo err >&2; while :; do sleep 0.1; done'

t.test('a container that is left running', async t => {
  const id = await ok(
    'run',
    '-d',
    '--name',
    'one',
    '-l',
    'k=v',
    'box:1',
    'sh',
    '-c',
    LOOP,
  )
  t.match(id, /^[0-9a-f]{64}$/)
  t.equal(await ok('ps', '-q', '--no-trunc'), id)
  t.equal(
    await ok('ps', '--format', '{{.Names}} {{.State}} {{.Image}}'),
    'one running box:1',
  )
  t.equal(await ok('ps', '-q', '-f', 'label=k=w'), '')
  t.ok(await until(async () => (await plyfs('logs', 'one')).stdout === 'up\n'))
  t.match(await plyfs('logs', 'one'), { stdout: 'up\n', stderr: 'err\n' })
  t.match(await ok('logs', '-t', '-n', '1', 'one'), /^\d{4}-\d\d-\d\dT[\d:.]+Z up$|^$/)

  t.match(await plyfs('rm', 'one'), { status: 1, stderr: /stop it first/ })
  t.match(await plyfs('rmi', '-f', 'box:1'), {
    status: 1,
    stderr: /in use by container one/,
  })
  t.match(await plyfs('run', '--name', 'one', 'box:1', 'true'), {
    status: 125,
    stderr: /the name one is taken by container/,
  })

  t.match(await plyfs('exec', '-e', 'A=1', 'one', 'sh', '-c', 'echo $A; exit 9'), {
    status: 9,
    stdout: '1\n',
  })
  t.equal((await plyfs('exec', 'one', 'nosuch')).status, 127)
  t.match(await ok('top', 'one'), /PID[^]*sh -c trap/)

  await ok('pause', 'one')
  t.equal(await ok('inspect', '-f', '{{.State.Status}}', 'one'), 'paused')
  t.match(await plyfs('exec', 'one', 'true'), { status: 1, stderr: /unpause it first/ })
  await ok('unpause', 'one')

  await ok('exec', 'one', 'sh', '-c', 'echo kept > /kept')
  await ok('stop', '-t', '10', 'one')
  t.equal(
    await ok('inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', 'one'),
    'exited 5',
  )
  t.equal(await ok('ps', '-q'), '')
  t.match(await ok('ps', '-a'), /Exited \(5\)/)
  t.ok(await until(() => processes().length === 0), 'no process is left')
  t.same(mountsNaming(id), [], 'no mount is left')
})

t.test('it starts again with what it wrote, and goes by rm', async t => {
  await ok('start', 'one')
  t.equal(await ok('exec', 'one', 'cat', '/kept'), 'kept')
  await ok('rename', 'one', 'two')
  await ok('kill', '-s', 'KILL', 'two')
  t.equal(await ok('wait', 'two'), '137')
  await ok('restart', 'two')
  t.equal(await ok('ps', '--format', '{{.Names}}'), 'two')
  await ok('rm', '-f', 'two')
  t.same(containerIds(), [])
  t.ok(await until(() => processes().length === 0), 'no process is left')
  t.match(await plyfs('inspect', '--type', 'container', 'two'), { status: 1 })
})

t.test('create, start -a, and a status that stays', async t => {
  const id = await ok('create', 'box:1', 'sh', '-c', 'echo $((1+1)); exit 3')
  t.equal(await ok('ps', '-a', '--format', '{{.Status}}'), 'Created')
  t.match(await plyfs('start', '-a', id), { status: 3, stdout: '2\n' })
  t.match(await plyfs('start', '-a', id.slice(0, 6)), { status: 3, stdout: '2\n' })
  t.equal(await ok('logs', id), '2\n2')
  t.equal(await ok('wait', id), '3')
  await ok('rm', id)
})
