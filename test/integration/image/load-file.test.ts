// An archive that lies open in a file: blobs are copied into the store while their layers are
// unpacked from it, and nothing is there before both are verified.
import * as fs from 'node:fs'
import { randomBytes } from 'node:crypto'
import * as path from 'node:path'
import t from 'tap'
import { loadPath } from '../../../src/image/load.js'
import { silent } from '../../../src/image/progress.js'
import {
  dockerArchive,
  layoutTar,
  makeImage,
  ociLayout,
} from '../../helpers/image-archives.js'
import { directory, file } from '../../helpers/make-tar.js'
import { contentsOf, fileDigest, freshStore, temporary } from '../../helpers/store.js'

t.setTimeout(0)

/** Too large to be kept in memory, and no two the same. */
const large = (): Buffer => randomBytes(3 << 20)
const image = makeImage([
  [directory('d/'), { path: 'd/one', data: large() }, file('d/small', 's')],
  [{ path: 'd/two', data: large() }],
  [file('d/.wh.one')],
])

t.test('every form of archive, by its path', async t => {
  const layout = ociLayout(image, 'quay.io/x/y:1')
  const archives = {
    docker: dockerArchive([{ image, tags: ['quay.io/x/y:1'] }]),
    'docker, gzip layers': dockerArchive([{ image, tags: ['quay.io/x/y:1'] }], {
      gzipLayers: true,
    }),
    'the same image twice': dockerArchive([
      { image, tags: ['quay.io/x/y:1'] },
      { image, tags: ['quay.io/x/y:2'] },
    ]),
    layout: layoutTar(layout),
  }
  for (const [name, bytes] of Object.entries(archives)) {
    const path = `${temporary(t)}/archive.tar`
    fs.writeFileSync(path, bytes)
    const store = await freshStore(t)
    for (const when of ['at first', 'again']) {
      const [loaded] = await loadPath(store, path, { progress: silent })
      t.equal(loaded?.record.id, image.id, `${name}, ${when}`)
    }
    const { blobs, layers, incoming } = contentsOf(store)
    t.same(incoming, [], 'nothing is left over')
    t.equal(layers.length, 3)
    for (const hex of blobs)
      t.equal(fileDigest(`${store.place.blobs}/${hex}`), `sha256:${hex}`)
    for (const { digest } of store.manifestOf(store.resolve(image.id)).layers)
      t.ok(blobs.includes(digest.slice(7)), 'its blobs are there')
  }
})

t.test('one byte of a layer is another: neither blob nor layer nor image', async t => {
  for (const bytes of [
    dockerArchive([{ image, tags: ['x:1'] }]),
    layoutTar(ociLayout(image, 'quay.io/x/y:1')),
  ]) {
    const path = `${temporary(t)}/archive.tar`
    const at = bytes.length - (2 << 20)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    fs.writeFileSync(path, bytes)
    const store = await freshStore(t)
    await t.rejects(loadPath(store, path, { progress: silent }), { name: 'ImageError' })
    t.same(store.images.list(), [])
    t.same(contentsOf(store).incoming, [])
    for (const hex of contentsOf(store).blobs)
      t.equal(fileDigest(`${store.place.blobs}/${hex}`), `sha256:${hex}`)
    t.ok(contentsOf(store).layers.length < 2)
  }
})

t.test('cut off anywhere, it is refused and leaves nothing', async t => {
  const bytes = dockerArchive([{ image, tags: ['x:1'] }])
  for (const length of [1 << 20, (3 << 20) + 5000, bytes.length - 3000]) {
    const path = `${temporary(t)}/archive.tar`
    fs.writeFileSync(path, bytes.subarray(0, length))
    const store = await freshStore(t)
    await t.rejects(loadPath(store, path, { progress: silent }), { name: 'ImageError' })
    t.same(contentsOf(store).incoming, [])
    t.same(contentsOf(store).layers, [])
  }
})

t.test('a layout in a folder, with large blobs and small ones', async t => {
  const folder = temporary(t, 'layout')
  const layout = ociLayout(image, 'quay.io/x/y:1')
  for (const [name, data] of layout.files) {
    fs.mkdirSync(path.dirname(`${folder}/${name}`), { recursive: true })
    fs.writeFileSync(`${folder}/${name}`, data)
  }
  const store = await freshStore(t)
  const [loaded] = await loadPath(store, folder, { progress: silent })
  t.equal(loaded?.record.id, image.id)
  const { blobs, layers, incoming } = contentsOf(store)
  t.same(incoming, [], 'nothing is left over')
  t.equal(layers.length, 3)
  for (const hex of blobs)
    t.equal(fileDigest(`${store.place.blobs}/${hex}`), `sha256:${hex}`)

  const { layers: described } = store.manifestOf(store.resolve(image.id))
  for (const { digest } of described) {
    const blob = `${folder}/blobs/sha256/${digest.slice(7)}`
    const bytes = fs.readFileSync(blob)
    const damage = Buffer.from(bytes)
    damage.writeUInt8(damage.readUInt8(damage.length >> 1) ^ 1, damage.length >> 1)
    fs.writeFileSync(blob, damage)
    const damaged = await freshStore(t)
    const loading = loadPath(damaged, folder, { progress: silent })
    await t.rejects(loading, { name: 'ImageError' }, `damaged: ${digest}`)
    t.same(damaged.images.list(), [])
    t.same(contentsOf(damaged).incoming, [])
    fs.writeFileSync(blob, bytes)
  }
})

t.test('a layer that is refused while the next is being unpacked', async t => {
  const bad = makeImage([
    [file('one', '1')],
    [file('two', '2'), file('two/below', 'a file is no directory')],
    [{ path: 'three', data: large() }],
    [file('four', '4')],
  ])
  const store = await freshStore(t)
  const archive = `${temporary(t)}/archive.tar`
  fs.writeFileSync(archive, dockerArchive([{ image: bad, tags: ['x:1'] }]))
  await t.rejects(loadPath(store, archive, { progress: silent }), {
    message: /two.below/,
  })
  const { layers, incoming } = contentsOf(store)
  t.equal(layers.length, 1, 'the layer before stays')
  t.same(incoming, [], 'nothing is left of it and of the next')
  t.same(store.images.list(), [])
})
