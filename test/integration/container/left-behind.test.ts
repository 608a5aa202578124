// What commands that were killed have left of containers goes with the next command; and whoever
// only looks at a container is never taken for somebody who uses it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as path from 'node:path'
import { takeLock, tryLockFolder } from '../../../src/image/store/store-lock.js'
import { isolated } from '../../helpers/isolated.js'
import { directory } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import {
  containerIds,
  folderOf,
  loadBox,
  loadUsual,
  ok,
  plyfs,
  processes,
  storeRoot,
  until,
} from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
await loadBox('volumed:1', [directory('data/')], {
  Cmd: ['true'],
  Volumes: { '/data': {} },
})

const uses = () => fs.readdirSync(path.join(storeRoot(), 'uses'))
const lockOf = (name: string) => takeLock(path.join(storeRoot(), name), 'exclusive')

/** `plyfs create`, killed when it waits for a lock that the test has. */
async function killCreate(isThere: () => boolean): Promise<boolean> {
  const words = ['create', '--root', storeRoot(), 'volumed:1']
  const child = spawn(plyfsProgram(), words, { stdio: 'ignore' })
  const ended = once(child, 'close')
  const found = await until(isThere)
  child.kill('SIGKILL')
  await ended
  return found
}

const isHidden = () => containerIds().some(name => name.startsWith('.new-'))

for (const [verb, ...words] of [
  ['ps'],
  ['gc'],
  ['run', '--rm', 'box:1', 'true'],
] as const)
  t.test(`what a killed \`create\` has left goes with \`plyfs ${verb}\``, async t => {
    const id = await ok('create', 'box:1', 'true')
    // It waits before it is noted that it uses the image, then before it gets its place.
    const records = await lockOf('records.lock')
    t.ok(await killCreate(isHidden))
    records.release()
    const names = await lockOf('containers/names.lock')
    names.release()
    const child = spawn(plyfsProgram(), ['create', '--root', storeRoot(), 'volumed:1'], {
      stdio: 'ignore',
    })
    const ended = once(child, 'close')
    const again = await lockOf('records.lock')
    t.ok(
      await until(
        () => containerIds().filter(one => one.startsWith('.new-')).length === 2,
      ),
    )
    const place = await lockOf('containers/names.lock')
    again.release()
    t.ok(await until(() => uses().length === 2))
    child.kill('SIGKILL')
    await ended
    place.release()
    await ok(verb, ...words)
    t.same(containerIds(), [id])
    t.same(uses(), [`kept-container-${id}`])
    t.equal(await ok('volume ls', '-q'), '')
    await ok('rm', id)
  })

t.test('a use that was half written when its command was killed goes', async t => {
  const name = `kept-container-${'0'.repeat(64)}`
  for (const one of [name, `${name}.0123456789abcdef`])
    fs.writeFileSync(path.join(storeRoot(), 'uses', one), '')
  await ok('ps')
  t.same(uses(), [])
})

t.test(
  'what a killed `rm` has left goes, what a slow one removes is left to it',
  async t => {
    const gone = path.join(storeRoot(), 'containers', `.gone-${'0'.repeat(64)}`)
    fs.mkdirSync(path.join(gone, 'rw/upper/d'), { recursive: true })
    const slow = tryLockFolder(gone)
    await ok('ps')
    t.ok(fs.existsSync(path.join(gone, 'rw/upper/d')))
    slow?.release()
    await ok('ps')
    t.same(containerIds(), [])
  },
)

t.test('a look at a container hinders nobody', async t => {
  const id = await ok('run', '-d', 'box:1', 'sleep', '1000')
  const look = await takeLock(`${folderOf(id)}/change.lock`, 'exclusive')
  t.equal(await ok('inspect', '-f', '{{.State.Status}}', id), 'running')
  look.release()
  for (const words of [/plyfs-monitor/, /container-serve/])
    for (const line of processes().filter(one => words.test(one)))
      process.kill(Number(line.split(' ')[0]), 'SIGKILL')
  t.ok(await until(() => processes().length === 0))
  // As everybody takes it who looks whether it runs.
  const probe = await takeLock(`${folderOf(id)}/lock`, 'shared')
  t.match(await ok('ps', '-a', '--format', '{{.Status}}'), /^Exited \(137\)/)
  t.match(await plyfs('rm', id), { status: 0, stderr: '' })
  probe.release()
})

t.test('a container that another settles is not one that starts', async t => {
  const id = await ok('run', '-d', 'box:1', 'true')
  t.equal(await ok('wait', id), '0')
  t.ok(await until(() => processes().length === 0))
  const settling = await takeLock(`${folderOf(id)}/change.lock`, 'exclusive')
  const removed = plyfs('rm', id)
  await new Promise(resolve => setTimeout(resolve, 1000))
  settling.release()
  t.match(await removed, { status: 0, stderr: '' })
  t.same(containerIds(), [])
})
