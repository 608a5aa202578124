// Archives of images into the store: every form, several images and tags, what is malformed.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { bytesOf, collect } from '../../../src/bytes/byte-source.js'
import { compress } from '../../../src/compress/compress.js'
import { loadPath } from '../../../src/image/load.js'
import { parsePlatform } from '../../../src/image/model/platform.js'
import { silent } from '../../../src/image/progress.js'
import {
  dockerArchive,
  layoutTar,
  makeImage,
  manifestOf,
  ociLayout,
  sha256,
} from '../../helpers/image-archives.js'
import { directory, file, makeTar, symlink } from '../../helpers/make-tar.js'
import { contentsOf, freshStore, loadBytes, temporary } from '../../helpers/store.js'

// The suite ends a file that takes too long.
t.setTimeout(0)

const base = [directory('etc/'), file('etc/hosts', 'localhost\n'), file('bin/sh', 'sh')]
const one = makeImage([base, [file('etc/one', '1'), file('etc/.wh.hosts')]])
const two = makeImage([base, [file('etc/two', '2')]])
const both = [
  { image: one, tags: ['one:1', 'quay.io/a/one:x'] },
  { image: two, tags: null },
]

t.test('a Docker archive with several images and tags', async t => {
  for (const gzipLayers of [false, true]) {
    const archive = dockerArchive(both, { gzipLayers })
    const zstd = await collect(compress('zstd', bytesOf(archive)), 1e9)
    for (const bytes of [archive, gzipSync(archive), zstd]) {
      const store = await freshStore(t)
      const loaded = await loadBytes(store, bytes)
      t.same(
        loaded.map(({ record }) => record.id),
        [one.id, two.id],
      )
      t.same(loaded[0]?.names, ['docker.io/library/one:1', 'quay.io/a/one:x'])
      t.equal(store.resolve('one:1').id, one.id)
      t.same(store.blobs.read(store.resolve('one:1').id), one.config, 'config unchanged')
      t.equal(store.resolve(two.id.slice(7, 15)).id, two.id, 'by a prefix of its ID')
      const layers = store.manifestOf(store.resolve(one.id)).layers
      const expected = gzipLayers ? one.tars.map(tar => gzipSync(tar)) : one.tars
      t.same(
        layers.map(({ digest }) => digest),
        expected.map(sha256),
        'blobs as they came',
      )
      const [top, bottom] = store.layers.paths(
        store.configOf(store.resolve('one:1')).diffIds,
      )
      t.equal(fs.readFileSync(`${bottom ?? ''}/etc/hosts`, 'utf8'), 'localhost\n')
      t.equal(
        fs.lstatSync(`${top ?? ''}/etc/hosts`).isCharacterDevice(),
        true,
        'whiteout',
      )
      t.equal(fs.readdirSync(store.place.layers).length, 3, 'the base is shared')
      t.same(fs.readdirSync(store.place.incoming), [])
    }
  }
})

t.test('Docker 20 has folders and links in it', async t => {
  const id = one.id.slice(7)
  const archive = makeTar(
    directory('aa/'),
    file('aa/VERSION', '1.0'),
    { path: 'aa/layer.tar', data: one.tars[0] ?? '' },
    { path: 'real.tar', data: one.tars[1] ?? '' },
    symlink('bb/layer.tar', '../real.tar'),
    file(
      'manifest.json',
      JSON.stringify([
        {
          Config: `${id}.json`,
          RepoTags: ['x'],
          Layers: ['aa/layer.tar', 'bb/layer.tar'],
        },
      ]),
    ),
    file(`${id}.json`, one.config.toString()),
  )
  const store = await freshStore(t)
  t.equal((await loadBytes(store, archive))[0]?.record.id, one.id)
})

t.test('OCI layouts: a tar and a folder, with their manifests byte for byte', async t => {
  const layout = ociLayout(one, 'quay.io/x/y:1')
  const folder = temporary(t, 'layout')
  for (const [name, data] of layout.files) {
    fs.mkdirSync(path.dirname(`${folder}/${name}`), { recursive: true })
    fs.writeFileSync(`${folder}/${name}`, data)
  }
  const store = await freshStore(t)
  const [fromTar] = await loadBytes(store, layoutTar(layout))
  const other = await freshStore(t)
  const [fromFolder] = await loadPath(other, folder, { progress: silent })
  for (const [where, loaded] of [
    [store, fromTar],
    [other, fromFolder],
  ] as const) {
    t.equal(loaded?.record.id, one.id)
    t.same(loaded?.names, ['quay.io/x/y:1'])
    t.equal(loaded?.record.variants[0].source.digest, layout.manifest)
    t.same(
      where.blobs.read(loaded?.record.variants[0].source.digest ?? where.resolve('x').id),
      manifestOf(one).bytes,
    )
    t.equal(where.resolve(`quay.io/x/y@${layout.manifest}`).id, one.id)
  }
  const again = await loadBytes(store, layoutTar(layout))
  t.equal(again[0]?.record.id, one.id, 'once more, with everything there')
})

t.test('an index: the image for the platform', async t => {
  const layout = ociLayout(one, 'x:1', [
    { image: two, architecture: 's390x' },
    { image: one, architecture: 'arm64' },
  ])
  const file = `${temporary(t, 'index')}/x.tar`
  fs.writeFileSync(file, layoutTar(layout))
  const store = await freshStore(t)
  const platform = parsePlatform('linux/s390x')
  const [loaded] = await loadPath(store, file, { progress: silent, platform })
  t.equal(loaded?.record.id, two.id)
  t.equal(loaded?.record.variants[0].indexes[0]?.digest, layout.manifest)
  t.equal(store.resolve(`x@${layout.manifest}`).id, two.id, 'by the digest of the index')
  await t.rejects(
    loadPath(store, file, { progress: silent, platform: parsePlatform('linux/386') }),
    { code: 'not-found' },
  )
})

t.test('names in layouts', async t => {
  for (const [name, names] of [
    ['latest', ['localhost/latest:latest']],
    ['nginx:1', ['docker.io/library/nginx:1']],
    ['no+name', []],
    [null, []],
  ] as const) {
    const store = await freshStore(t)
    const loaded = await loadBytes(store, layoutTar(ociLayout(one, name)))
    t.same(loaded[0]?.names, names, String(name))
  }
})

t.test('a tag that moves leaves its old image untagged', async t => {
  const store = await freshStore(t)
  await loadBytes(store, dockerArchive([{ image: one, tags: ['x:1'] }]))
  const [loaded] = await loadBytes(store, dockerArchive([{ image: two, tags: ['x:1'] }]))
  t.same(loaded?.moved, [{ name: 'docker.io/library/x:1', from: one.id }])
  t.equal(store.resolve('x:1').id, two.id)
  t.same(store.resolve(one.id).names, [])
})

t.test('what is malformed is refused, and nothing of it stays', async t => {
  const good = dockerArchive([{ image: one, tags: ['x'] }])
  const wrongDiff = makeImage([base], {
    rootfs: { type: 'layers', diff_ids: [sha256('x')] },
  })
  const layout = ociLayout(one, 'x:1')
  const without = (name: RegExp) => ({
    ...layout,
    files: new Map([...layout.files].filter(([file]) => !name.test(file))),
  })
  const changed = new Map(
    [...layout.files].map(([name, data]) => [
      name,
      name.startsWith('blobs/') ? Buffer.concat([data, Buffer.from(' ')]) : data,
    ]),
  )
  const list = (item: object) => makeTar(file('manifest.json', JSON.stringify([item])))
  for (const [what, bytes, code] of [
    ['empty', Buffer.alloc(0), 'malformed'],
    ['no archive', Buffer.from('hello'), 'malformed'],
    ['no image', makeTar(file('etc/passwd', 'x')), 'malformed'],
    ['cut off', good.subarray(0, 3000), 'malformed'],
    ['cut off, gzip', gzipSync(good).subarray(0, 300), 'malformed'],
    ['no config', list({ Config: 'x', Layers: [] }), 'malformed'],
    [
      'no layer',
      dockerArchive([{ image: { ...one, tars: [], diffIds: [] }, tags: null }]),
      'malformed',
    ],
    ['another diff id', dockerArchive([{ image: wrongDiff, tags: ['x'] }]), 'mismatch'],
    ['a tag that is none', dockerArchive([{ image: one, tags: ['A B'] }]), 'invalid'],
    [
      'a document of another digest',
      layoutTar({ ...layout, files: changed }),
      'mismatch',
    ],
    ['no index', layoutTar(without(/index/)), 'malformed'],
    ['no blobs', layoutTar(without(/blobs/)), 'malformed'],
    [
      'a 0/0 device',
      dockerArchive([{ image: makeImage([[{ path: 'dev', flag: '3' }]]), tags: ['x'] }]),
      'unsupported',
    ],
    [
      'out of the root',
      dockerArchive([{ image: makeImage([[file('../x')]]), tags: ['x'] }]),
      'malformed',
    ],
  ] as const) {
    const store = await freshStore(t)
    await t.rejects(loadBytes(store, bytes), { name: 'ImageError', code }, what)
    t.same(store.images.list(), [], `${what}: no image`)
    t.same(contentsOf(store).layers, [], `${what}: no layer`)
    t.same(contentsOf(store).incoming, [], `${what}: no leftover`)
  }
})
