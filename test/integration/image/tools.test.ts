// skopeo and umoci read what we write, archives and the store itself, and we read what they write.
import * as fs from 'node:fs'
import { described } from '../../helpers/described.js'
import { freshDirectory } from '../../helpers/images.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { must, run } from '../../helpers/run.js'
import { buildReal, NAME } from './real-image.js'
import { openShop, tool } from './verbs.js'

const { t } = await isolated(import.meta.url, { silence: 110_000, total: 115_000 })
t.setTimeout(0)

const archive = await buildReal()

t.test('the merged tree is what umoci unpacks', async t => {
  const shop = openShop(t)
  t.equal(await shop.plyfs('load', '-i', archive), `Loaded image: ${NAME}\n`)
  const template = '{{.GraphDriver.Data.UpperDir}}:{{.GraphDriver.Data.LowerDir}}'
  const lower = (await shop.plyfs('inspect', '-f', template, NAME)).trim()
  const merged = freshDirectory(scratch(), 'merged')
  await must('mount', ['-t', 'overlay', '-o', `ro,lowerdir=${lower}`, 'overlay', merged])
  await tool('umoci', [
    'unpack',
    '--image',
    `${shop.root}:${NAME}`,
    `${shop.folder}/umoci`,
  ])
  const [ours, theirs] = [
    await described(merged),
    await described(`${shop.folder}/umoci/rootfs`),
  ]
  await must('umount', [merged])
  t.same(ours, theirs)
  t.ok(ours.length > 500)
})

t.test('skopeo and umoci read the store', async t => {
  const shop = openShop(t)
  const docker = `${shop.folder}/docker.tar`
  await tool('skopeo', [
    'copy',
    '-q',
    `oci-archive:${archive}:${NAME}`,
    `docker-archive:${docker}:quay.io/plyfs/d:1`,
  ])
  await shop.plyfs('load', '-q', '-i', archive)
  await shop.plyfs('load', '-q', '-i', docker)
  fs.writeFileSync(`${shop.folder}/root.tar`, await tarOf('/etc/ssl'))
  await shop.plyfs('import', '-q', `${shop.folder}/root.tar`, 'imported')
  for (const name of [NAME, 'quay.io/plyfs/d:1', 'docker.io/library/imported:latest']) {
    const inspected = await tool('skopeo', [
      'inspect',
      '--raw',
      `oci:${shop.root}:${name}`,
    ])
    t.match(JSON.parse(inspected), { schemaVersion: 2 }, name)
    const config = await tool('skopeo', [
      'inspect',
      '--config',
      '--raw',
      `oci:${shop.root}:${name}`,
    ])
    const id = (await shop.plyfs('inspect', '-f', '{{.Id}}', name)).trim()
    t.equal(`sha256:${await digestOf(config)}`, id, 'the config, byte for byte')
    await tool('umoci', [
      'unpack',
      '--image',
      `${shop.root}:${name}`,
      `${shop.folder}/u-${name.replace(/\W/g, '_')}`,
    ])
  }
})

t.test('what skopeo puts into the store is an image of it', async t => {
  const shop = openShop(t)
  await shop.plyfs('images')
  await tool('skopeo', [
    'copy',
    '-q',
    `oci-archive:${archive}:${NAME}`,
    `oci:${shop.root}:${NAME}`,
  ])
  t.match(await shop.plyfs('images'), /quay\.io\/plyfs\/real +1 /)
  t.match(await shop.tries(['fsck', '--repair']), { status: 0, stdout: /not unpacked/ })
  t.match(await shop.plyfs('fsck'), /no problems/)
  await shop.plyfs('tag', NAME, 'mine:1')
  t.match(await shop.plyfs('rmi', NAME), /^Untagged: [^D]*$/)
  await shop.plyfs('gc')
  t.match(await shop.plyfs('fsck'), /no problems/)
})

t.test('skopeo reads our archives', async t => {
  const shop = openShop(t)
  await shop.plyfs('load', '-q', '-i', archive)
  await shop.plyfs('tag', NAME, 'quay.io/plyfs/two:2')
  for (const [format, transport] of [
    ['docker-archive', 'docker-archive'],
    ['oci-archive', 'oci-archive'],
    ['oci-dir', 'oci'],
  ] as const) {
    const file = `${shop.folder}/${format}`
    await shop.plyfs(
      'save',
      '-q',
      '--format',
      format,
      '-o',
      file,
      NAME,
      'quay.io/plyfs/two:2',
    )
    for (const name of [NAME, 'quay.io/plyfs/two:2'])
      t.match(
        JSON.parse(await tool('skopeo', ['inspect', `${transport}:${file}:${name}`])),
        { Labels: { made: 'here' } },
        `${format} ${name}`,
      )
  }
})

function tarOf(folder: string): Promise<Buffer> {
  const file = `${scratch()}/tar-of.tar`
  return must('tar', ['-cf', file, '-C', folder, '.']).then(() => fs.readFileSync(file))
}

async function digestOf(text: string): Promise<string> {
  const ran = await run('sha256sum', [], { input: text })
  return ran.stdout.slice(0, 64)
}
