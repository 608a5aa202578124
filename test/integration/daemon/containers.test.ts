// Containers with a running daemon: it serves their roots, the command that starts one is a small
// static program, and what it does is what it does without a daemon.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { type Ran, run } from '../../helpers/run.js'
import {
  containerIds,
  folderOf,
  loadUsual,
  plyfs,
  processes,
  storeRoot,
  until,
} from '../container/box.js'
import { ask, descriptors, startDaemon } from './running.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
const daemon = await startDaemon(storeRoot())
const env = { ...process.env, PLYFS_HOST: `unix://${daemon.socket}` }

function handed(verb: string, ...args: string[]): Promise<Ran> {
  return run(plyfsProgram(), [verb, '--root', storeRoot(), ...args], {
    env,
    limit: 60_000,
  })
}

interface Told {
  readonly name: string
  readonly isServedHere: boolean
  readonly state: { readonly kind: string; readonly code?: number }
}

async function told(name: string): Promise<Told> {
  return (await ask(daemon, 'GET', `/v1/containers/${name}`)).json as Told
}

t.test('the daemon serves the root, without a process for it', async t => {
  const ran = await handed('run', '-d', '--name', 'long', 'box:1', 'sleep', '1000')
  t.match(ran, { status: 0, stdout: /^[0-9a-f]{64}\n$/, stderr: '' })
  t.match(await told('long'), { isServedHere: true, state: { kind: 'running' } })
  t.same(
    processes().filter(line => line.includes('container-serve')),
    [],
  )
  t.match(await plyfs('exec', 'long', 'cat', '/data/from-image'), {
    status: 0,
    stdout: 'of the image\n',
  })
  t.match(await plyfs('exec', 'long', 'sh', '-c', 'echo x > /data/new'), { status: 0 })
  t.equal(
    fs.readFileSync(`${folderOf(ran.stdout.trim())}/rw/upper/data/new`, 'utf8'),
    'x\n',
  )
})

t.test('a command ends with its status, its streams are apart', async t => {
  const script = 'echo out; echo err >&2; exit 7'
  t.match(await handed('run', '--rm', 'box:1', 'sh', '-c', script), {
    status: 7,
    stdout: 'out\n',
    stderr: 'err\n',
  })
  t.equal(containerIds().length, 1, 'what is to go with its end has gone')
})

t.test('much output, to a reader that is slow', async t => {
  const words = ['run', '--rm', '--root', storeRoot(), 'box:1', 'seq', '300000']
  const child = spawn(plyfsProgram(), words, {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  for await (const piece of child.stdout as AsyncIterable<Buffer>) {
    text += piece.toString('latin1')
    if (text.length < 300_000) await new Promise(resolve => setTimeout(resolve, 5))
  }
  t.equal(text.length, 1_988_895)
  t.ok(text.endsWith('\n300000\n'))
})

t.test('input, more than is kept anywhere', async t => {
  const input = 'one line of input\n'.repeat(40_000)
  const ran = await run(
    plyfsProgram(),
    ['run', '-i', '--rm', '--root', storeRoot(), 'box:1', 'wc', '-c'],
    { env, input },
  )
  t.match(ran, { status: 0, stdout: `${input.length}\n` })
})

t.test('errors are told as without a daemon', async t => {
  const cases: string[][] = [
    ['other:1', 'true'],
    ['box:1', '/not/there'],
    ['box:1', '/data'],
    ['--network', 'much', 'box:1', 'true'],
    ['-v', 'a:b:c:d', 'box:1', 'true'],
    ['-u', 'nobody-knows', 'box:1', 'true'],
    ['--wrong', 'box:1'],
    ['-it', 'box:1', 'sh'],
    [],
  ]
  for (const words of cases) {
    const alone = await plyfs('run', ...words)
    const other = await handed('run', ...words)
    t.same(other, alone, words.join(' '))
    t.not(other.status, 0)
  }
  for (const verb of ['start', 'restart'])
    for (const words of [['other'], []])
      t.same(await handed(verb, ...words), await plyfs(verb, ...words), verb)
})

t.test('environment, folders and files are those of the caller', async t => {
  const here = `${scratch()}/here`
  fs.mkdirSync(`${here}/shared`, { recursive: true })
  fs.writeFileSync(`${here}/shared/file`, 'of the host\n')
  fs.writeFileSync(`${here}/vars`, 'B=from the file\n')
  const script = 'echo "$A $B"; cat /mnt/file'
  const words = ['-e', 'A', '--env-file', 'vars', '-v', './shared:/mnt', 'box:1']
  const ran = await run(
    plyfsProgram(),
    ['run', '--rm', '--root', storeRoot(), ...words, 'sh', '-c', script],
    { env: { ...env, A: 'of the caller' }, cwd: here },
  )
  t.match(ran, { status: 0, stdout: 'of the caller from the file\nof the host\n' })
})

t.test('signals go to the container', async t => {
  const script =
    "trap 'echo caught; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
  const words = ['run', '--rm', '--root', storeRoot(), 'box:1', 'sh', '-c', script]
  const child = spawn(plyfsProgram(), words, {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  child.stdout.on('data', (piece: Buffer) => {
    text += piece.toString()
    if (text === 'ready\n') child.kill('SIGTERM')
  })
  const status = await new Promise(resolve => child.once('exit', resolve))
  t.equal(status, 3)
  t.equal(text, 'ready\ncaught\n')
})

t.test('a terminal', async t => {
  const inner = `${plyfsProgram()} run -it --rm --root ${storeRoot()} box:1 sh -c 'tty; stty size; read a; echo got $a'`
  const script = ['-qec', `stty rows 33 cols 99; ${inner}`, '/dev/null']
  const ran = await run('script', script, { env, input: 'typed\n' })
  t.match(ran.stdout, /\/dev\/pts\/\d+\r\n33 99\r\n/)
  t.match(ran.stdout, /got typed\r\n/)
})

t.test('the caller is killed: the container goes on', async t => {
  const words = ['run', '--name', 'orphan', '--root', storeRoot(), 'box:1', 'sh', '-c']
  const child = spawn(plyfsProgram(), [...words, 'echo on; exec sleep 1000'], { env })
  await new Promise(resolve => child.stdout.once('data', resolve))
  child.kill('SIGKILL')
  await new Promise(resolve => child.once('exit', resolve))
  t.match(await told('orphan'), { isServedHere: true, state: { kind: 'running' } })
  t.match(await handed('restart', '-t', '0', 'orphan'), { status: 0, stdout: 'orphan\n' })
  t.match(await told('orphan'), { isServedHere: true, state: { kind: 'running' } })
  t.match(await plyfs('stop', '-t', '0', 'orphan'), { status: 0 })
  t.ok(await until(async () => !(await told('orphan')).isServedHere))
  t.match(await told('orphan'), { state: { kind: 'exited' } })
})

t.test('start, attached and not; over the API', async t => {
  t.match(await plyfs('create', '--name', 'made', 'box:1', 'echo', 'hello'), {
    status: 0,
  })
  t.match(await handed('start', '-a', 'made'), { status: 0, stdout: 'hello\n' })
  t.match(await handed('start', 'made'), { status: 0, stdout: 'made\n' })
  t.ok(await until(async () => (await told('made')).state.kind === 'exited'))
  t.match(await plyfs('logs', 'made'), { stdout: 'hello\nhello\n' })
  t.match(await ask(daemon, 'POST', '/v1/containers/orphan/start'), {
    status: 200,
    json: { isServedHere: true, state: { kind: 'running' } },
  })
  t.match(await ask(daemon, 'POST', '/v1/containers/orphan/stop', { seconds: 0 }), {
    status: 200,
    json: { isServedHere: false, state: { kind: 'exited', code: 137 } },
  })
  t.match(await ask(daemon, 'POST', '/v1/containers/nobody/start'), { status: 404 })
  t.match((await ask(daemon, 'GET', '/v1/containers')).json, [{ name: /./ }])
})

t.test('without the daemon, beside it', async t => {
  const ran = await handed(
    'run',
    '--no-daemon',
    '-d',
    '--name',
    'own',
    'box:1',
    'sleep',
    '99',
  )
  t.equal(ran.status, 0)
  t.match(await told('own'), { isServedHere: false, state: { kind: 'running' } })
  t.match(await plyfs('rm', '-f', 'own'), { status: 0 })
})

t.test("one of the kernel's drivers has a process that waits for it", async t => {
  const words = ['-d', '--driver=overlay2', '--name', 'kernel', 'box:1', 'sleep', '99']
  t.match(await handed('run', ...words), { status: 0, stderr: '' })
  t.match(await told('kernel'), { isServedHere: false, state: { kind: 'running' } })
  t.match(await plyfs('exec', 'kernel', 'cat', '/data/from-image'), {
    stdout: 'of the image\n',
  })
  t.match(await plyfs('rm', '-f', 'kernel'), { status: 0 })
})

t.test('a start that fails leaves nothing in the daemon', async t => {
  const failing = (): Promise<Ran> => handed('run', '--rm', 'box:1', '/not/there')
  await failing()
  const before = descriptors(daemon.pid)
  for (let i = 0; i < 5; i++) await failing()
  for (let i = 0; i < 5; i++) await handed('run', '--rm', 'box:1', 'true')
  t.ok(
    await until(() => descriptors(daemon.pid).length <= before.length),
    `${before.join(' ')}; now ${descriptors(daemon.pid).join(' ')}`,
  )
})

t.test('it is not stopped while containers run, unless forced', async t => {
  const stop = (...words: string[]): Promise<Ran> =>
    run(plyfsProgram(), ['daemon', 'stop', '--socket', daemon.socket, ...words], {
      limit: 60_000,
    })
  const refused = await stop()
  t.equal(refused.status, 1)
  t.match(
    refused.stderr,
    /would end with the daemon: long; stop them first, or add --force/,
  )
  const root = ['--root', storeRoot(), '--socket', daemon.socket]
  const restarted = await run(plyfsProgram(), ['daemon', 'restart', ...root])
  t.equal(restarted.status, 1)
  t.match(restarted.stderr, /would end with the daemon: long/)
  t.match(await told('long'), { state: { kind: 'running' } })
  t.match(await stop('--force'), { status: 0 })
  t.equal(await daemon.ended, 0, daemon.log())
  t.match(await plyfs('ps', '-a', '--format', '{{.Names}} {{.State}}'), {
    stdout: /^long exited$/m,
  })
  t.same(processes(), [])
  const [id = ''] = containerIds().filter(one =>
    fs.existsSync(`${folderOf(one)}/rw/upper/data/new`),
  )
  t.ok(id, 'its writable layer is there')
  t.match(await plyfs('start', 'long'), { status: 0 })
  t.match(await plyfs('exec', 'long', 'cat', '/data/new'), { stdout: 'x\n' })
  t.match(await plyfs('rm', '-f', 'long'), { status: 0 })
})
