// Images mounted from where they lie: the merged tree is that of the same image loaded into a store
// and mounted, whatever the archive is packed with.
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import { describeMount } from '../../helpers/describe-mount.js'
import { dockerArchive } from '../../helpers/image-archives.js'
import { isolated, scratch } from '../../helpers/isolated.js'
import { plyfsProgram } from '../../helpers/mounted.js'
import { must } from '../../helpers/run.js'

const { t } = await isolated(import.meta.url)
t.setTimeout(0)

// What is in it is made in the test's namespace.
const { frames, image, mounted, plain, point, root, write, zstd } =
  await import('./full-image.js')

const archive = write('full.tar', plain)
await must(plyfsProgram(), ['load', '-q', '--root', root, '-i', archive])
const wanted = await mounted(() => describeMount(point), 'full:1')

for (const [name, bytes] of [
  ['plain', plain],
  ['gzip as a whole', gzipSync(plain)],
  ['gzip layers', dockerArchive([{ image, tags: ['full:1'] }], { gzipLayers: true })],
  ['zstd layers of one frame', dockerArchive([{ image, tags: null }], { pack: zstd })],
  [
    'zstd layers of many frames',
    dockerArchive([{ image, tags: null }], { pack: frames }),
  ],
  ['zstd as a whole', zstd(plain)],
  [
    'gzip in gzip',
    gzipSync(dockerArchive([{ image, tags: null }], { gzipLayers: true })),
  ],
] as const)
  t.test(`a docker archive, ${name}`, async t => {
    const at = write(`${name.replaceAll(' ', '-')}.tar`, bytes)
    const tree = await mounted(() => describeMount(point), `docker-archive:${at}`)
    t.same(tree, wanted, 'the same tree')
    t.same(await mounted(() => describeMount(point), at), wanted, 'again, by its path')
  })

t.test('OCI layouts made by skopeo', async t => {
  for (const [kind, compress] of [
    ['oci', 'gzip'],
    ['oci-archive', 'gzip'],
    ['oci', 'zstd'],
  ] as const) {
    const at = path.join(scratch(), `${kind}-${compress}`)
    const how = ['copy', '-q', '--dest-compress-format', compress]
    await must('skopeo', [...how, `docker-archive:${archive}`, `${kind}:${at}:named`], {
      limit: 60_000,
    })
    for (const named of [`${kind}:${at}:named`, at])
      t.same(await mounted(() => describeMount(point), named), wanted, named)
  }
})
