// The daemon's mounts: over its API they are made, listed and ended; one does not disturb another, and
// nothing stays of one that has ended, in the process either.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import * as path from 'node:path'
import { sharesOurView } from '../../../src/daemon/peer.js'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import { alice } from '../../helpers/users.js'
import { until } from '../container/box.js'
import { ask, descriptors, startDaemon, storeWithImage } from './running.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const root = await storeWithImage()
const daemon = await startDaemon(root)

interface Told {
  readonly id: string
  readonly mountPoint: string
}

async function mount(mountPoint: string, more: object = { image: 'small:1' }) {
  const { status, json } = await ask(daemon, 'POST', '/v1/mounts', {
    mountPoint,
    ...more,
  })
  if (status !== 201) throw new Error(JSON.stringify(json))
  return json as Told
}

const point = (): string => freshDirectory(scratch(), 'mnt')
const list = async (): Promise<Told[]> =>
  (await ask(daemon, 'GET', '/v1/mounts')).json as Told[]

t.test('an image is mounted, listed and unmounted', async t => {
  const at = point()
  const told = await mount(at)
  t.equal(await must('cat', [`${at}/data/file`]), 'of the image\n')
  t.match(await list(), [
    { id: told.id, mountPoint: at, image: 'small:1', rw: null, isWritable: false },
  ])
  t.match((await ask(daemon, 'GET', `/v1/mounts/${told.id}/stats`)).json, {
    requests: { INIT: 1 },
  })
  t.match(await ask(daemon, 'DELETE', `/v1/mounts/${told.id}`), { status: 204 })
  t.notOk(isMounted(at))
  t.same(await list(), [])
  t.match(await ask(daemon, 'DELETE', `/v1/mounts/${told.id}`), { status: 404 })
})

t.test('from a shell', async t => {
  const at = point()
  const curl = ['-sS', '--unix-socket', daemon.socket]
  const body = JSON.stringify({ image: 'small:1', mountPoint: at, rw: '' })
  const made = await must('curl', [...curl, '-d', body, 'http://localhost/v1/mounts'])
  t.match(JSON.parse(made), { mountPoint: at, isWritable: true })
  fs.writeFileSync(`${at}/data/new`, 'x')
  await must('umount', [at])
  t.ok(await until(async () => (await list()).length === 0), 'an umount is noticed')
  t.same(fs.readdirSync(path.join(root, 'writable')), [], 'the layer goes with the mount')
})

t.test('mounts share a thread, and one that fails is nothing to the others', async t => {
  const threads = (): number => fs.readdirSync(`/proc/${daemon.pid}/task`).length
  const first = point()
  const told = [await mount(first)]
  const before = threads()
  for (let more = 0; more < 4; more++) told.push(await mount(point()))
  const missing = { lowerdir: [`${scratch()}/nowhere`] }
  await t.rejects(mount(point(), missing))
  t.equal(threads(), before, 'no thread for a further mount')
  for (const { id, mountPoint } of told.slice(1)) {
    t.equal(await must('cat', [`${mountPoint}/data/file`]), 'of the image\n')
    t.match(await ask(daemon, 'DELETE', `/v1/mounts/${id}`), { status: 204 })
  }
  t.equal(await must('cat', [`${first}/data/file`]), 'of the image\n', 'the first stays')
  t.match(await ask(daemon, 'DELETE', `/v1/mounts/${told[0]?.id}`), { status: 204 })
})

t.test('the index of an image is in memory once for all of its mounts', async t => {
  const trees = (): string[] =>
    fs
      .readdirSync(`${root}/layers`)
      .map(name => `${root}/layers/${name}/tree`)
      .filter(name => fs.existsSync(name))
  const [first, second] = [point(), point()]
  await mount(first)
  for (const tree of trees()) fs.unlinkSync(tree)
  await mount(second)
  t.equal(await must('cat', [`${second}/data/file`]), 'of the image\n')
  t.same(trees(), [], 'nobody has had to make it anew')
  await must('umount', [first, second])
  t.ok(await until(async () => (await list()).length === 0))
  await mount(first)
  t.equal(trees().length, 1, 'after the last mount it is forgotten')
  await must('umount', [first])
  t.ok(await until(async () => (await list()).length === 0))
})

t.test('directories', async t => {
  const [lower, upper, work, at] = [point(), point(), point(), point()]
  fs.writeFileSync(`${lower}/below`, 'below')
  const options = [`lowerdir=${lower},upperdir=${upper}`, `workdir=${work}`]
  await mount(at, { options })
  fs.writeFileSync(`${at}/above`, 'above')
  t.same(fs.readdirSync(at), ['above', 'below'])
  await must('umount', [at])
  t.ok(await until(async () => (await list()).length === 0))
  t.same(fs.readdirSync(upper), ['above'])
  await mount(at, { options })
  await must('umount', [at])
})

t.test('what cannot be is told, and leaves nothing', async t => {
  const before = descriptors(daemon.pid).length
  const cases: readonly [object, number, RegExp][] = [
    [{ image: 'other:1', mountPoint: point() }, 404, /no such image/],
    [{ image: 'small:1', mountPoint: '/not/there' }, 422, /does not exist/],
    [{ image: 'small:1', mountPoint: 'here' }, 400, /absolute/],
    [{ image: 'small:1', mountPoint: point(), options: ['nonsense'] }, 422, /nonsense/],
    [
      { image: 'small:1', mountPoint: point(), options: ['transport=fuse-native'] },
      422,
      /a daemon does not serve by the transport fuse-native/,
    ],
    [{ image: 'small:1', mountPoint: point(), verify: 'much' }, 400, /quick/],
    [{ image: 'small:1', mountPoint: point(), colour: 1 }, 400, /colour/],
    [{ mountPoint: point(), options: ['lowerdir=/not/there'] }, 422, /does not exist/],
  ]
  for (const [body, status, message] of cases) {
    const answer = await ask(daemon, 'POST', '/v1/mounts', body)
    t.match(answer, { status, json: { error: { message } } }, JSON.stringify(body))
  }
  t.match(await ask(daemon, 'GET', '/v1/nothing'), { status: 404 })
  t.match(await ask(daemon, 'GET', '/v2/mounts'), { status: 404 })
  t.same(await list(), [])
  t.ok(
    await until(() => descriptors(daemon.pid).length <= before),
    `descriptors: ${before}, now ${descriptors(daemon.pid).join(' ')}`,
  )
})

t.test('one that its serving thread refuses leaves no descriptor', async t => {
  const [lower, other, upper, work] = [point(), point(), point(), point()]
  const options = (below: string): string[] => [
    `lowerdir=${below},upperdir=${upper},workdir=${work}`,
  ]
  const at = point()
  await mount(at, { options: options(lower) })
  await must('umount', [at])
  t.ok(await until(async () => (await list()).length === 0))
  const refused = () =>
    ask(daemon, 'POST', '/v1/mounts', { mountPoint: at, options: options(other) })
  t.match(await refused(), {
    status: 422,
    json: {
      error: { message: /the upper directory was used with another lower; use the/ },
    },
  })
  const before = descriptors(daemon.pid)
  for (let i = 0; i < 5; i++) await refused()
  t.ok(
    await until(() => descriptors(daemon.pid).length <= before.length),
    `${before.join(' ')}; now ${descriptors(daemon.pid).join(' ')}`,
  )
})

t.test('a mount that ends leaves no descriptor and disturbs no other', async t => {
  const other = point()
  const kept = await mount(other, { image: 'small:1', rw: '' })
  const writer = fs.openSync(`${other}/data/log`, 'w')
  const walk = async (): Promise<void> => {
    const at = point()
    await mount(at, { image: 'small:1', rw: '' })
    await must('find', [at, '-ls'])
    fs.writeFileSync(`${at}/etc/hosts`, 'changed')
    const nameless = fs.openSync(`${at}/data/gone`, 'w')
    fs.rmSync(`${at}/data/gone`)
    await must('umount', ['-l', at])
    fs.closeSync(nameless)
    const archived = point()
    await mount(archived, { image: `docker-archive:${scratch()}/small.tar` })
    await must('cat', [`${archived}/data/file`])
    await must('umount', [archived])
    await until(async () => (await list()).length === 1)
    fs.writeSync(writer, 'one more\n')
  }
  await walk()
  await walk()
  const before = descriptors(daemon.pid)
  for (let i = 0; i < 5; i++) await walk()
  t.ok(
    await until(() => descriptors(daemon.pid).length <= before.length),
    `${before.length} before: ${before.join(' ')}; now ${descriptors(daemon.pid).join(' ')}`,
  )
  fs.closeSync(writer)
  t.equal(await must('cat', [`${other}/data/log`]), 'one more\n'.repeat(7))
  await ask(daemon, 'DELETE', `/v1/mounts/${kept.id}`)
})

t.test('twenty at once', async t => {
  const points = Array.from({ length: 20 }, point)
  await Promise.all(points.map(at => mount(at)))
  for (const at of points) t.ok(fs.existsSync(`${at}/data/file`), at)
  await Promise.all(
    (await list()).map(({ id }) => ask(daemon, 'DELETE', `/v1/mounts/${id}`)),
  )
  t.same(await list(), [])
})

t.test('one that is in use is not unmounted, unless lazily', async t => {
  const at = point()
  const { id } = await mount(at)
  const open = fs.openSync(`${at}/data/file`, 'r')
  t.match(await ask(daemon, 'DELETE', `/v1/mounts/${id}`), {
    status: 422,
    json: { error: { message: /in use/ } },
  })
  t.match(await ask(daemon, 'DELETE', `/v1/mounts/${id}?lazy=true`), { status: 204 })
  t.notOk(isMounted(at))
  t.equal(fs.readFileSync(open, 'utf8'), 'of the image\n', 'who has it open reads on')
  t.match(await list(), [{ id, isLeaving: true }])
  fs.closeSync(open)
  t.ok(await until(async () => (await list()).length === 0))
})

t.test('clients that hang or go half way hold up nobody', async t => {
  const at = point()
  const clients = Array.from({ length: 50 }, () => net.connect(daemon.socket))
  for (const [i, client] of clients.entries()) {
    client.on('error', () => undefined)
    const body = JSON.stringify({ image: 'small:1', mountPoint: at })
    if (i % 2 === 0)
      client.write('POST /v1/mounts HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{')
    else
      client.end(
        `POST /v1/mounts HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`,
      )
  }
  for (let i = 0; i < 200; i++) {
    const brief = net.connect(daemon.socket)
    brief.on('error', () => undefined)
    brief.once('connect', () => brief.destroy())
  }
  t.match(await ask(daemon, 'GET', '/v1/version'), { status: 200 })
  for (const client of clients) client.destroy()
  // While somebody else has the records, the mount waits.
  const holder = spawn('flock', [path.join(root, 'records.lock'), 'cat'])
  await until(() => fs.readFileSync('/proc/locks', 'utf8').includes(`${holder.pid} `))
  const gone = net.connect(daemon.socket)
  const whole = JSON.stringify({ image: 'small:1', mountPoint: at })
  gone.write(
    `POST /v1/mounts HTTP/1.1\r\nHost: x\r\nContent-Length: ${whole.length}\r\n\r\n${whole}`,
    () => gone.destroy(),
  )
  await once(gone, 'close')
  t.match(await ask(daemon, 'GET', '/v1/version'), { status: 200 })
  holder.stdin.end()
  await once(holder, 'exit')
  const uses = (): string[] => fs.readdirSync(path.join(root, 'uses'))
  t.ok(
    await until(async () => {
      const nothing = (await list()).length === 0 && !isMounted(at) && uses().length === 0
      // Twice in a row: it may not have begun.
      await new Promise(resolve => setTimeout(resolve, 200))
      return nothing && (await list()).length === 0 && !isMounted(at)
    }),
    'a mount that nobody waits for is taken away',
  )
})

t.test('a client that says nothing is hung up on', async t => {
  const silent = net.connect(daemon.socket)
  silent.on('error', () => undefined)
  silent.resume()
  await once(silent, 'close')
  t.match(await ask(daemon, 'GET', '/v1/version'), { status: 200 })
})

t.test('a request that is too large is refused', async t => {
  const answer = await ask(daemon, 'POST', '/v1/mounts', {
    image: 'x'.repeat(5 * 1024 * 1024),
  }).catch((error: unknown) => error)
  t.match(answer, { status: 413 })
  t.match(await ask(daemon, 'GET', '/v1/version'), { status: 200 })
})

t.test('another user is told EACCES', async t => {
  const said = await run('curl', ['-sS', '--unix-socket', daemon.socket, 'http://x/'], {
    uid: alice.uid,
    gid: alice.gid,
  })
  t.not(said.status, 0)
  fs.chmodSync(daemon.socket, 0o666)
  const refused = await must(
    'curl',
    ['-sS', '--unix-socket', daemon.socket, 'http://x/v1/version'],
    { uid: alice.uid, gid: alice.gid },
  )
  t.match(JSON.parse(refused), { error: { code: 'EACCES', message: /3001/ } })
})

t.test('a store has one daemon, and a socket too', async t => {
  const second = await run(plyfsProgram(), [
    ...['daemon', '--root', root, '--socket', `${daemon.socket}.second`],
  ])
  t.equal(second.status, 1)
  t.match(second.stderr, /has a daemon already/)
  const other = await storeWithImage()
  const third = await run(plyfsProgram(), [
    ...['daemon', '--root', other, '--socket', daemon.socket],
  ])
  t.equal(third.status, 1)
  t.match(third.stderr, /^plyfs: cannot listen on .*EADDRINUSE/)
})

t.test('a caller in another mount namespace mounts by itself', async t => {
  const at = point()
  const body = JSON.stringify({ image: 'small:1', mountPoint: at })
  const curl = ['curl', '-sS', '--unix-socket', daemon.socket, '-d', body]
  const said = await must('unshare', [
    ...['--mount', '--propagation', 'private', ...curl, 'http://localhost/v1/mounts'],
  ])
  t.match(JSON.parse(said), { error: { code: 'namespace' } })
  t.notOk(isMounted(at))
})

t.test('who has another view of files and mounts is known', async t => {
  const newRoot = point()
  fs.copyFileSync('/bin/busybox', `${newRoot}/busybox`)
  fs.chmodSync(`${newRoot}/busybox`, 0o755)
  const sleeps = ['sleep', '60']
  const cases: readonly (readonly [string, boolean, string[]])[] = [
    ['the same', true, sleeps],
    ['a mount namespace', false, ['unshare', '--mount', ...sleeps]],
    ['a user namespace', false, ['unshare', '--user', ...sleeps]],
    ['a root directory', false, ['chroot', newRoot, '/busybox', ...sleeps]],
  ]
  for (const [name, shares, [program = '', ...words]] of cases) {
    const child = spawn(program, words)
    const command = `/proc/${child.pid ?? 0}/cmdline`
    await until(() => /^(sleep|\/busybox)/.test(fs.readFileSync(command, 'utf8')))
    t.equal(sharesOurView(child.pid ?? 0), shares, name)
    child.kill()
  }
  t.equal(sharesOurView(0), false, 'one that cannot be seen')
})

t.test('it ends its mounts when it is told to stop', async t => {
  const [one, busy] = [point(), point()]
  await mount(one)
  await mount(busy, { image: 'small:1', rw: 'kept' })
  fs.writeFileSync(`${busy}/data/new`, 'written')
  const open = fs.openSync(`${busy}/data/file`, 'r')
  process.kill(daemon.pid, 'SIGTERM')
  t.equal(await daemon.ended, 0)
  t.notOk(isMounted(one))
  t.notOk(isMounted(busy))
  fs.closeSync(open)
  t.equal(
    fs.readFileSync(path.join(root, 'writable/kept/upper/data/new'), 'utf8'),
    'written',
  )
  t.notOk(fs.existsSync(daemon.socket), 'the socket is gone')
  const again = await startDaemon(root)
  t.same((await ask(again, 'GET', '/v1/mounts')).json, [])
  const words = ['daemon', 'restart', '--root', root, '--socket', again.socket]
  const next = spawn(plyfsProgram(), words, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(next.stdout, 'data')
  t.equal(await again.ended, 0, 'another has taken its place')
  t.match((await ask(again, 'GET', '/v1/version')).json, { pid: next.pid })
  next.kill('SIGTERM')
  t.strictSame(await once(next, 'exit'), [0, null])
})
