// The daemon is killed: its containers end, as exited, with what they wrote; its mounts go with the
// next command; the next daemon finds nothing in its way.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { isMounted, plyfsProgram } from '../../helpers/mounted.js'
import { must, run } from '../../helpers/run.js'
import {
  containerIds,
  folderOf,
  loadUsual,
  mountsNaming,
  plyfs,
  processes,
  storeRoot,
  until,
} from '../container/box.js'
import { ask, type Running, startDaemon } from './running.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
const point = (): string => freshDirectory(scratch(), 'mnt')

async function handed(daemon: Running, ...args: string[]): Promise<string> {
  const env = { ...process.env, PLYFS_HOST: `unix://${daemon.socket}` }
  return must(plyfsProgram(), args, { env, limit: 60_000 })
}

t.test('with two containers and three mounts', async t => {
  const daemon = await startDaemon(storeRoot())
  const root = ['--root', storeRoot()]
  const ids: string[] = []
  for (const name of ['one', 'two']) {
    const words = ['box:1', 'sh', '-c', `echo ${name} > /data/mine; exec sleep 1000`]
    ids.push(
      (await handed(daemon, 'run', ...root, '-d', '--name', name, ...words)).trim(),
    )
  }
  const mine = ids.map(id => `${folderOf(id)}/rw/upper/data/mine`)
  t.ok(await until(() => mine.every(file => fs.existsSync(file))))
  const points = [point(), point(), point()]
  const [image = '', writable = '', directories = ''] = points
  await handed(daemon, 'mount', ...root, 'box:1', image)
  await handed(daemon, 'mount', ...root, '--rw=kept', 'box:1', writable)
  await handed(daemon, 'mount', '-o', `lowerdir=${scratch()}`, directories)
  fs.writeFileSync(`${writable}/data/new`, 'written')
  const open = fs.openSync(`${image}/data/from-image`, 'r')

  process.kill(daemon.pid, 'SIGKILL')
  t.equal(await daemon.ended, 'SIGKILL')
  t.ok(await until(() => processes().length === 0), processes().join('\n'))
  t.match(await plyfs('ps', '-a', '--format', '{{.Names}} {{.State}}'), {
    status: 0,
    stdout: 'two exited\none exited\n',
  })
  for (const at of points) t.notOk(isMounted(at), at)
  t.same(mountsNaming('rootfs'), [])
  t.same(mountsNaming('bootfs'), [])
  t.same(
    mine.map(file => fs.readFileSync(file, 'utf8')),
    ['one\n', 'two\n'],
  )
  t.equal(
    fs.readFileSync(path.join(storeRoot(), 'writable/kept/upper/data/new'), 'utf8'),
    'written',
  )
  t.throws(() => fs.closeSync(open), { code: 'ENOTCONN' })
  t.same(fs.readdirSync(path.join(storeRoot(), 'mounts')), [])

  const next = await startDaemon(storeRoot())
  t.same((await ask(next, 'GET', '/v1/mounts')).json, [])
  await handed(next, 'start', ...root, 'one', 'two')
  await handed(next, 'mount', ...root, '--rw=kept', 'box:1', writable)
  t.equal(fs.readFileSync(`${writable}/data/new`, 'utf8'), 'written')
  for (const name of ['one', 'two'])
    t.match(await plyfs('exec', name, 'cat', '/data/mine'), { stdout: `${name}\n` })
  process.kill(next.pid, 'SIGKILL')
  await next.ended
})

t.test('the next daemon takes away the mounts too, and nobody else’s', async t => {
  const [dead, replaced] = [point(), point()]
  const killed = await startDaemon(storeRoot())
  const root = ['--root', storeRoot()]
  await handed(killed, 'mount', ...root, 'box:1', dead)
  await handed(killed, 'mount', ...root, 'box:1', replaced)
  process.kill(killed.pid, 'SIGKILL')
  await killed.ended
  t.ok(isMounted(dead), 'nobody has come by yet')
  // The same image at the same place, by a process of its own: it may get the same numbers.
  await must('umount', ['-l', replaced])
  await must(plyfsProgram(), ['mount', '--no-daemon', ...root, 'box:1', replaced])
  const next = await startDaemon(storeRoot())
  t.notOk(isMounted(dead))
  t.ok(isMounted(replaced))
  t.equal(fs.readFileSync(`${replaced}/data/from-image`, 'utf8'), 'of the image\n')
  await must('umount', [replaced])
  process.kill(next.pid, 'SIGTERM')
  t.equal(await next.ended, 0)
})

t.test('at any moment of a start', async t => {
  for (const delay of [0, 2, 5, 10, 20, 40, 60, 80, 120]) {
    const daemon = await startDaemon(storeRoot())
    const env = { ...process.env, PLYFS_HOST: `unix://${daemon.socket}` }
    const words = ['run', '--rm', '--root', storeRoot(), 'box:1', 'sleep', '1000']
    const child = spawn(plyfsProgram(), words, { env, stdio: 'ignore' })
    await new Promise(resolve => setTimeout(resolve, delay))
    process.kill(daemon.pid, 'SIGKILL')
    await daemon.ended
    // One that it has not answered goes on without it, and is ended here.
    const hasEnded = await until(async () => {
      const ids = (await plyfs('ps', '-q')).stdout.split('\n').filter(id => id !== '')
      for (const id of ids) await plyfs('kill', id)
      return child.exitCode !== null || child.signalCode !== null
    })
    t.ok(hasEnded, `the command ends, ${delay} ms`)
    t.ok(
      await until(async () => {
        await plyfs('ps', '-a')
        return processes().length === 0
      }),
      `after ${delay} ms: ${processes().join(' | ')}`,
    )
    t.ok(
      await until(async () => {
        const listed = await run(plyfsProgram(), ['ps', '-aq', '--root', storeRoot()])
        return listed.stdout.trim().split('\n').length === 2
      }),
      'what goes with its end has gone',
    )
    t.same(mountsNaming('rootfs'), [])
    t.equal(containerIds().length, 2)
  }
})
