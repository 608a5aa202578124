// Every verb takes an image by its name, by a digest, by its ID and by a beginning of that.
import * as fs from 'node:fs'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { file } from '../../helpers/make-tar.js'
import { must } from '../../helpers/run.js'
import { openShop } from './verbs.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

const NAME = 'registry.example/team/app:1'
const image = makeImage([[file('hello', 'world')]])
const other = makeImage([[file('other')]])
const archive = dockerArchive([
  { image, tags: [NAME] },
  { image: other, tags: ['other:1'] },
])

t.test('every verb takes every form', async t => {
  const shop = openShop(t)
  fs.writeFileSync(`${shop.folder}/in.tar`, archive)
  await shop.plyfs('load', '-q', '-i', `${shop.folder}/in.tar`)
  const index = JSON.parse(fs.readFileSync(`${shop.root}/index.json`, 'utf8')) as {
    manifests: { digest: string; annotations: Record<string, string> }[]
  }
  const digest = index.manifests.find(
    ({ annotations }) => annotations['org.opencontainers.image.ref.name'] === NAME,
  )?.digest
  const { id } = image
  const point = freshDirectory(scratch(), 'mnt')
  for (const form of [
    NAME,
    `registry.example/team/app@${digest ?? ''}`,
    id,
    id.slice('sha256:'.length),
    id.slice('sha256:'.length, 'sha256:'.length + 12),
  ]) {
    const { plyfs } = shop
    t.match(await plyfs('history', form), /step 1/, `history ${form}`)
    t.equal(await plyfs('inspect', '-f', '{{.Id}}', form), `${id}\n`, 'inspect')
    t.equal(await plyfs('ls', form), 'hello\n', 'ls')
    t.equal(await plyfs('cat', form, 'hello'), 'world', 'cat')
    await plyfs('export', '-o', `${shop.folder}/root.tar`, form)
    t.match(await must('tar', ['-tf', `${shop.folder}/root.tar`]), 'hello', 'export')
    await plyfs('save', '-q', '-o', `${shop.folder}/out.tar`, form)
    const second = openShop(t)
    await second.plyfs('load', '-q', '-i', `${shop.folder}/out.tar`)
    t.equal(await second.plyfs('images', '-q', '--no-trunc'), `${id}\n`, 'save')
    await plyfs('mount', form, point)
    t.same(fs.readdirSync(point), ['hello'], 'mount')
    await must('umount', [point])
    await plyfs('create', '--name', 'made', form, '/hello')
    t.match(await plyfs('rm', 'made'), 'made', 'create')
    await plyfs('tag', form, 'copy:1')
    t.equal(await plyfs('inspect', '-f', '{{.Id}}', 'copy:1'), `${id}\n`, 'tag')
    t.match(await plyfs('rmi', 'copy:1'), 'Untagged', 'rmi of one of two names')
    await plyfs('rmi', form)
    t.match(await plyfs('images', '-q', '--no-trunc'), other.id)
    t.notMatch(await plyfs('images', '-q', '--no-trunc'), id, 'rmi')
    await plyfs('load', '-q', '-i', `${shop.folder}/in.tar`)
  }
})
