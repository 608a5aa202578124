// Named volumes, and those without a name: filled once and whole, and gone with what they were for.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated } from '../../helpers/isolated.js'
import { directory, file } from '../../helpers/make-tar.js'
import { loadBox, loadUsual, ok, plyfs, storeRoot } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const FILES = 3000

await loadUsual()
await loadBox('many:1', [
  directory('data/'),
  ...Array.from({ length: FILES }, (_, i) => file(`data/${i}`, String(i))),
])
await loadBox('volumed:1', [directory('data/')], {
  Cmd: ['true'],
  Volumes: { '/data': {} },
})

const volumes = () => ok('volume ls', '-q')

t.test('containers that begin with one volume at once fill it once', async t => {
  const clear = () =>
    plyfs('run', '--rm', '-v', 'one:/data', 'many:1', 'sh', '-c', 'rm -r /data/*')
  const count = () =>
    plyfs('run', '--rm', '-v', 'many:/data', 'many:1', 'sh', '-c', 'ls /data | wc -l')
  const whole = await Promise.all([count(), count(), count()])
  t.same(
    whole.map(({ stdout }) => stdout),
    Array.from({ length: 3 }, () => `${FILES}\n`),
    'each finds it whole',
  )
  await Promise.all([clear(), clear()])
  const left = fs.readdirSync(path.join(storeRoot(), 'volumes/one/data'))
  t.equal(
    left.length,
    0,
    `nothing comes back that a container has removed: ${left.length}`,
  )
  await ok('volume rm', 'one', 'many')
})

t.test('a container that cannot be made leaves no volume without a name', async t => {
  const id = await ok('create', '--name', 'taken', 'volumed:1')
  const before = await volumes()
  t.match(await plyfs('create', '--name', 'taken', 'volumed:1'), { status: 125 })
  t.match(await plyfs('run', '--name', 'taken', '-v', '/x', 'box:1', 'true'), {
    status: 125,
  })
  t.equal(await volumes(), before)
  await ok('rm', '-v', id)
  t.equal(await volumes(), '')
})

t.test('volumes go by rm and prune, unless they are in use', async t => {
  const id = await ok('create', '-v', 'used:/data', 'box:1', 'true')
  t.match(await plyfs('volume rm', 'used'), { status: 1, stderr: /in use by/ })
  await ok('volume prune', '-a', '-f')
  t.equal(await volumes(), 'used')
  await ok('rm', id)
  await ok('volume prune', '-f')
  t.equal(await volumes(), 'used', 'one with a name stays')
  await ok('volume prune', '-a', '-f')
  t.equal(await volumes(), '')
  t.same(fs.readdirSync(path.join(storeRoot(), 'volumes')), ['.lock'])
})
