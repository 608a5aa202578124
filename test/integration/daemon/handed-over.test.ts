// `plyfs mount` with a running daemon: the daemon serves it and no process is started; where it may
// not, or cannot, the command does what it does without one.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import * as path from 'node:path'
import { fuseNativeLacks } from '../../helpers/fuse-native.js'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { until } from '../container/box.js'
import { ask, plyfsWith, startDaemon, storeWithImage } from './running.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const root = await storeWithImage()
const daemon = await startDaemon(root)
const point = (): string => freshDirectory(scratch(), 'mnt')
const mounts = async (): Promise<{ mountPoint: string }[]> =>
  (await ask(daemon, 'GET', '/v1/mounts')).json as { mountPoint: string }[]

/** Whether the daemon, not a process of its own, serves what is mounted there. */
async function isDaemons(at: string): Promise<boolean> {
  return (await mounts()).some(({ mountPoint }) => mountPoint === at)
}

const nothing = { status: 0, stdout: '', stderr: '' }

t.test('an image, from a relative path, under a name that is not text', async t => {
  const folder = point()
  const name = Buffer.from(`${folder}/d\xffr`, 'latin1')
  fs.mkdirSync(name)
  const script = 'cd "$1" && exec "$2" mount --root "$3" small:1 "$(printf "d\\377r")"'
  const env = { ...process.env, PLYFS_HOST: `unix://${daemon.socket}` }
  const words = ['-c', script, 'sh', folder, plyfsProgram(), root]
  t.match(await run('sh', words, { env }), nothing)
  t.ok(await isDaemons(`${folder}/d\udcffr`))
  t.equal(
    fs.readFileSync(Buffer.concat([name, Buffer.from('/data/file')]), 'utf8'),
    'of the image\n',
  )
  await must('sh', ['-c', 'umount "$1"/d*', 'sh', folder])
})

t.test('with a writable layer, and directories', async t => {
  const at = point()
  t.match(
    await plyfsWith(daemon, 'mount', '--root', root, '--rw', 'small:1', at),
    nothing,
  )
  fs.writeFileSync(`${at}/new`, 'x')
  t.ok(await isDaemons(at))
  await must('umount', [at])
  t.ok(await until(() => fs.readdirSync(path.join(root, 'writable')).length === 0))
  const lower = point()
  fs.writeFileSync(`${lower}/below`, 'x')
  t.match(await plyfsWith(daemon, 'mount', '-o', `lowerdir=${lower}`, at), nothing)
  t.ok(await isDaemons(at))
  t.same(fs.readdirSync(at), ['below'])
  await must('umount', [at])
})

t.test('what is wrong is told as without a daemon', async t => {
  const at = point()
  const cases: string[][] = [
    ['--root', root, 'other:1', at],
    ['--root', root, 'small:1', '/not/there'],
    ['--root', root, '--verify=much', 'small:1', at],
    ['--root', root, '-o', 'nonsense', 'small:1', at],
    ['-o', 'lowerdir=/not/there', at],
    ['--wrong', at],
    [],
  ]
  for (const words of cases) {
    const alone = await plyfsWith({ socket: '' }, 'mount', '--no-daemon', ...words)
    const handed = await plyfsWith(daemon, 'mount', ...words)
    t.same(handed, alone, words.join(' '))
    t.not(handed.status, 0)
  }
  t.same(await mounts(), [])
})

t.test('by itself, where that was asked for or the daemon cannot', async t => {
  const at = point()
  const store = await storeWithImage()
  const host = `unix://${daemon.socket}`
  const native: [string, string[], NodeJS.ProcessEnv] = [
    'another transport',
    ['--root', root, '--transport=fuse-native', 'small:1', at],
    { PLYFS_HOST: host },
  ]
  const cases: readonly [string, string[], NodeJS.ProcessEnv][] = [
    ['--no-daemon', ['--no-daemon', '--root', root, 'small:1', at], { PLYFS_HOST: host }],
    ['PLYFS_HOST=none', ['--root', root, 'small:1', at], { PLYFS_HOST: 'none' }],
    ['another store', ['--root', store, 'small:1', at], { PLYFS_HOST: host }],
    ['no daemon runs', ['--root', root, 'small:1', at], {}],
    [
      "one of the kernel's drivers",
      ['--root', root, '--driver=vfs', 'small:1', at],
      { PLYFS_HOST: host },
    ],
    ...(fuseNativeLacks() === undefined ? [native] : []),
  ]
  for (const [name, words, env] of cases) {
    const ran = await run(plyfsProgram(), ['mount', ...words], {
      env: { ...process.env, ...env },
    })
    t.match(ran, nothing, name)
    t.notOk(await isDaemons(at), name)
    t.ok(isMounted(at), name)
    await must('umount', [at])
  }
})

t.test('a daemon of another version, or none that answers', async t => {
  const at = point()
  const socket = path.join(scratch(), 'other.sock')
  const answers = ['HTTP/1.1 421 Misdirected Request\r\n\r\n', '', 'nonsense']
  for (const answer of answers) {
    const server = net.createServer(client => {
      client.on('error', () => undefined)
      client.once('data', () => client.end(answer))
    })
    await new Promise<void>(resolve => server.listen(socket, resolve))
    const ran = await plyfsWith({ socket }, 'mount', '--root', root, 'small:1', at)
    t.match(ran, nothing, JSON.stringify(answer))
    t.ok(isMounted(at))
    await must('umount', [at])
    await new Promise(resolve => server.close(resolve))
  }
  const ran = await plyfsWith({ socket: '/nowhere' }, 'mount', '--root', root, 'x', at)
  t.equal(ran.status, 1)
  t.match(ran.stderr, /^plyfs: no daemon answers at \/nowhere: No such file or directory/)
})

t.test('a caller in another mount namespace gets its mount there', async t => {
  const at = point()
  const script = '"$0" mount --root "$1" small:1 "$2" && cat "$2/data/file"'
  const env = { ...process.env, PLYFS_HOST: `unix://${daemon.socket}` }
  const words = ['sh', '-c', script, plyfsProgram(), root, at]
  const ran = await run('unshare', ['--mount', '--propagation', 'private', ...words], {
    env,
  })
  t.match(ran, { status: 0, stdout: 'of the image\n', stderr: '' })
  t.notOk(isMounted(at), 'not here')
  t.same(await mounts(), [])
})

t.test('without standard input, output and error', async t => {
  const at = point()
  const script = 'exec "$0" mount --root "$1" small:1 "$2" <&- >&- 2>&-'
  const env = { ...process.env, PLYFS_HOST: `unix://${daemon.socket}` }
  t.match(await run('sh', ['-c', script, plyfsProgram(), root, at], { env }), nothing)
  t.ok(await isDaemons(at))
  await must('umount', [at])
})

t.test('an interrupted mount is undone', async t => {
  const at = point()
  const holder = spawn('flock', [path.join(root, 'records.lock'), 'cat'])
  await until(() =>
    fs.readFileSync('/proc/locks', 'utf8').includes(`${holder.pid ?? 0} `),
  )
  const env = { ...process.env, PLYFS_HOST: `unix://${daemon.socket}` }
  const child = spawn(plyfsProgram(), ['mount', '--root', root, 'small:1', at], { env })
  const waits = (): boolean => fs.readFileSync('/proc/locks', 'utf8').includes('-> FLOCK')
  t.ok(await until(waits), 'the daemon waits for the records')
  child.kill('SIGINT')
  await once(child, 'exit')
  const ended = once(holder, 'exit')
  holder.stdin.end()
  await ended
  t.ok(await until(() => !waits()))
  t.ok(await until(async () => (await mounts()).length === 0 && !isMounted(at)))
})

t.test('the end', async t => {
  t.match(
    await run(plyfsProgram(), ['daemon', 'stop', '--socket', daemon.socket]),
    nothing,
  )
  t.equal(await daemon.ended, 0)
})
