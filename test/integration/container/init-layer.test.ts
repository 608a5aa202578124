// What the runtime makes in the root is no change of the container's: `diff` is empty, and a commit
// adds an empty layer, whatever the image lacks and whatever is mounted.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, symlink } from '../../helpers/make-tar.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'
import { folderOf, loadBox, loadUsual, ok, storeRoot } from './box.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

await loadUsual()
await loadBox('bare:1')
await loadBox('twisted:1', [
  symlink('etc', 'real/config'),
  directory('real/'),
  directory('real/config/', { mode: 0o711, uid: 5 }),
  symlink('vol', '/real/volume'),
  file('real/file', 'x'),
])
const host = path.join(scratch(), 'host')
fs.mkdirSync(host)
fs.writeFileSync(path.join(host, 'f'), 'of the host\n')

for (const image of ['box:1', 'bare:1', 'twisted:1']) {
  t.test(`${image}: true changes nothing`, async t => {
    const mounts = [
      ...[
        '-v',
        `${host}:/vol/deep`,
        '-v',
        `${host}/f:/new/file:ro`,
        '-v',
        'named:/named',
      ],
      ...['--tmpfs', '/mem', '-w', '/work/dir'],
    ]
    const words = 'cat /vol/deep/f /new/file; cat /etc/hostname > /dev/null; pwd'
    const id = await ok('create', '-h', 'boxy', ...mounts, image, 'sh', '-c', words)
    t.equal(await ok('start', '-a', id), 'of the host\nof the host\n/work/dir')
    t.equal(await ok('diff', id), '')
    t.same(fs.readdirSync(path.join(folderOf(id), 'rw/upper')), [], 'the layer is empty')
    const made = await ok('commit', id)
    const history = JSON.parse(
      await must(plyfsProgram(), ['history', '--root', storeRoot(), '--json', made]),
    ) as { Size: string }[]
    t.equal(history[0]?.Size, '0B', 'an empty layer')
    await ok('rm', id)
  })
}

t.test('directories keep the image’s owner and mode', async t => {
  const words = 'stat -c "%a %u" /real/config'
  t.equal(await ok('run', '--rm', 'twisted:1', 'sh', '-c', words), '711 5')
})

t.test('named volumes are filled once, from the image', async t => {
  const words =
    'cat /data/from-image; stat -c "%a %u %g" /data; echo more >> /data/from-image'
  t.equal(
    await ok('run', '--rm', '-v', 'vol:/data', 'box:1', 'sh', '-c', words),
    'of the image\n750 1000 1001',
  )
  t.equal(
    await ok('run', '--rm', '-v', 'vol:/data', 'box:1', 'cat', '/data/from-image'),
    'of the image\nmore',
  )
  t.equal(await ok('volume ls', '-q'), 'named\nvol')
  await ok('volume rm', 'vol')
})
