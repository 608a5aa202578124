// `plyfs diff` tells what `docker diff` tells of the same changes.
import * as fs from 'node:fs'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { directory, file, symlink } from '../../helpers/make-tar.js'
import { must } from '../../helpers/run.js'
import { startDocker } from './real-image.js'
import { openShop } from './verbs.js'

const { t } = await isolated(import.meta.url, { silence: 110_000, total: 115_000 })
t.setTimeout(0)

const image = makeImage([
  [
    directory('etc/'),
    file('etc/hosts', 'localhost\n'),
    file('etc/kept', 'kept'),
    symlink('lib', 'usr/lib'),
    directory('usr/'),
    directory('usr/lib/'),
    file('usr/lib/a', 'aaa'),
    file('usr/lib/b', 'bbb'),
  ],
  [file('etc/one', '1'), file('etc/.wh.kept')],
])
const scripts = {
  'names that come and go':
    'echo x >new; mkdir -p etc/d/e; echo y >etc/d/e/f; rm etc/one',
  contents: 'echo z >>etc/hosts',
  'a mode': 'chmod 700 usr/lib; chmod 600 usr/lib/a',
  'a directory that moves': 'mv usr/lib usr/lib64; echo c >usr/lib64/c; rm usr/lib64/b',
  'a directory in the place of another':
    'rm -r usr/lib; mkdir usr/lib; echo b >usr/lib/b',
  'a directory that goes': 'rm -r usr',
  'a file that goes and comes': 'rm etc/hosts; echo new >etc/hosts',
  'a name that a layer hides': 'echo again >etc/kept',
  links: 'rm lib; ln -s usr/lib64 lib; echo h >etc/h; ln etc/h etc/hard',
} as const

t.test('the changes of a writable layer', async t => {
  const shop = openShop(t)
  const archive = `${shop.folder}/image.tar`
  fs.writeFileSync(archive, dockerArchive([{ image, tags: ['small:1'] }]))
  await shop.plyfs('load', '-q', '-i', archive)
  const { docker, stop } = await startDocker(scratch())
  const point = `${scratch()}/mnt`
  fs.mkdirSync(point)
  try {
    await docker('load', '-q', '-i', archive)
    for (const [i, [name, script]] of Object.entries(scripts).entries()) {
      const id = (await docker('create', '--network', 'none', 'small:1', '/x')).trim()
      const layer = `${scratch()}/docker/image/vfs/layerdb/mounts/${id}/mount-id`
      const root = `${scratch()}/docker/vfs/dir/${fs.readFileSync(layer, 'utf8')}`
      await must('sh', ['-euc', script], { cwd: root })
      await shop.plyfs('mount', `--rw=w${i}`, 'small:1', point)
      try {
        await must('sh', ['-euc', script], { cwd: point })
      } finally {
        await must('umount', [point])
      }
      const lines = (text: string): string[] => text.trimEnd().split('\n').sort()
      t.same(
        lines(await shop.plyfs('diff', `w${i}`)),
        lines(await docker('diff', id)),
        name,
      )
    }
  } finally {
    await stop()
  }
})
