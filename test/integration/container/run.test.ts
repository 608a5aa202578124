// `plyfs run`: the command's output, input, signals and status.
import { spawn } from 'node:child_process'
import { isolated } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { run } from '../../helpers/run.js'
import {
  containerIds,
  loadUsual,
  plyfs,
  plyfsWith,
  processes,
  storeRoot,
  until,
} from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()

t.test('output, error output and status are the command’s', async t => {
  t.match(await plyfs('run', '--rm', 'box:1', 'echo', 'hi'), {
    status: 0,
    stdout: 'hi\n',
    stderr: '',
  })
  const ran = await plyfs(
    'run',
    '--rm',
    'box:1',
    'sh',
    '-c',
    'echo o; echo e >&2; exit 7',
  )
  t.match(ran, { status: 7, stdout: 'o\n', stderr: 'e\n' })
  t.same(containerIds(), [], '--rm leaves nothing')
  t.ok(await until(() => processes().length === 0), 'no process is left')
})

t.test('much output arrives whole', async t => {
  const ran = await plyfs('run', '--rm', 'box:1', 'seq', '1', '200000')
  t.equal(ran.stdout, Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join(''))
})

t.test('a reader that is slow gets all of it', async t => {
  const words = '"$1" run --rm --root "$2" box:1 seq 1 200000 | (sleep 3; wc -l)'
  const ran = await run('sh', ['-c', words, 'sh', plyfsProgram(), storeRoot()])
  t.equal(ran.stdout.trim(), '200000')
})

t.test('a reader that goes ends the command, and the container goes on', async t => {
  const words =
    '{ "$1" run --name read --root "$2" box:1 yes; echo "status $?" >&2; } | head -n 1'
  const ran = await run('sh', ['-c', words, 'sh', plyfsProgram(), storeRoot()])
  t.equal(ran.stdout, 'y\n')
  t.equal(
    ran.stderr,
    'plyfs: nobody reads the output any more; the container goes on\nstatus 141\n',
  )
  t.match(await plyfs('ps', '--format', '{{.Names}}'), { stdout: 'read\n' })
  t.equal((await plyfs('rm', '-f', 'read')).status, 0)
})

t.test('statuses of what could not be started are docker’s', async t => {
  t.match(await plyfs('run', '--rm', 'box:1', 'nosuch'), {
    status: 127,
    stderr: /nosuch/,
  })
  t.match(await plyfs('run', '--rm', 'box:1', '/etc'), { status: 126, stderr: /\/etc/ })
  t.match(await plyfs('run', '--rm', '-u', 'nobody', 'box:1', 'id'), {
    status: 125,
    stderr: /unable to find user nobody/,
  })
  t.match(await plyfs('run', '--rm', 'nosuch:1', 'id'), {
    status: 125,
    stderr: /plyfs pull/,
  })
  t.match(await plyfs('run', '-p', '80:80', 'box:1', 'id'), {
    status: 125,
    stderr: /--network host/,
  })
  t.match(
    await plyfs('run', '--rm', 'box:1', 'sh', '-c', "sh -c 'kill -9 $$'; exit $?"),
    {
      status: 137,
    },
  )
  t.same(containerIds(), [])
})

t.test('-i hands over standard input, to its end', async t => {
  const big = 'x'.repeat(300_000)
  const ran = await plyfsWith({ input: big }, 'run', '--rm', '-i', 'box:1', 'cat')
  t.equal(ran.stdout, big)
  const none = await plyfsWith({ input: big }, 'run', '--rm', 'box:1', 'cat')
  t.match(none, { status: 0, stdout: '' }, 'without -i there is none')
})

t.test('signals reach the command', async t => {
  const words = 'trap "echo got; exit 3" TERM; echo up; while :; do sleep 0.1; done'
  const child = spawn(plyfsProgram(), [
    'run',
    '--root',
    storeRoot(),
    '--rm',
    'box:1',
    'sh',
    '-c',
    words,
  ])
  let said = ''
  child.stdout.on('data', (part: Buffer) => (said += part.toString()))
  t.ok(await until(() => said.includes('up')))
  child.kill('SIGTERM')
  const status = await new Promise(resolve => child.on('close', resolve))
  t.equal(status, 3)
  t.equal(said, 'up\ngot\n')
})
