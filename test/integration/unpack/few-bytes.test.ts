// Layers of a few bytes are unpacked without a thread, in their order with those that have one.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import t from 'tap'
import { silent } from '../../../src/image/progress.js'
import { linksOf } from '../../../src/image/store/add-image.js'
import type { Digest } from '../../../src/image/model/digest.js'
import type { ArrivingBlob } from '../../../src/image/store/image-record.js'
import type { Store } from '../../../src/image/store/store.js'
import { dockerArchive, makeImage } from '../../helpers/image-archives.js'
import { directory, file, hardlink, type TarPiece } from '../../helpers/make-tar.js'
import { contentsOf, freshStore, loadBytes } from '../../helpers/store.js'
import { openDescriptors } from '../../native/place.js'

// The suite ends a file that takes too long.
t.setTimeout(0)

/** Each names a file of the one below once more: it cannot be unpacked before that is there. */
const small = (i: number): TarPiece[] => [
  directory('d/'),
  hardlink(`d/${i}`, `d/${i - 1}`),
  file(`d/.wh.${i - 1}`),
]
const large = (i: number): TarPiece[] => [
  ...small(i),
  file(`large-${i}`, randomBytes(300_000).toString('latin1')),
]
const base = [directory('d/'), file('d/0', 'contents')]

let threads = 0
process.on('worker', () => threads++)

/** A store that has the image's blobs and none of its layers, and what they were. */
async function unpacked(layers: readonly TarPiece[][]) {
  const store = await freshStore(t)
  const image = makeImage(layers)
  await loadBytes(store, dockerArchive([{ image, tags: ['a:1'] }]))
  const [record] = store.images.list()
  if (record === undefined) throw new Error('there is no image')
  const { diffIds } = store.configOf(record)
  const chain = store.layers.chainOf({ diffIds })
  const before = chain.map(id => listing(store, id))
  for (const id of chain.toReversed()) store.layers.remove(id)
  threads = 0
  const { layers: blobs } = store.manifestOf(record)
  const unpack = (arriving?: ReadonlyMap<Digest, ArrivingBlob>) =>
    store.layers.ensure(linksOf(diffIds, blobs, arriving), silent)
  return { store, chain, before, blobs, unpack }
}

function listing(store: Store, id: Parameters<Store['layers']['path']>[0]): string {
  const words = ['.', '-printf', '%P %y %m %U:%G %s %t\n']
  return execFileSync('find', words, { cwd: store.layers.path(id), encoding: 'latin1' })
    .split('\n')
    .toSorted()
    .join('\n')
}

t.test('layers of a few bytes alone', async t => {
  const { store, chain, before, unpack } = await unpacked([base, small(1), small(2)])
  const open = openDescriptors()
  t.match(await unpack(), [{ entries: 2 }, { entries: 3 }, { entries: 3 }])
  t.same(
    chain.map(id => listing(store, id)),
    before,
  )
  t.equal(threads, 0)
  t.same(openDescriptors(), open, 'nothing stays open')
})

t.test('a layer whose blob is not there yet, below others', async t => {
  const { store, chain, before, blobs, unpack } = await unpacked([
    base,
    small(1),
    large(2),
    small(3),
  ])
  const arriving = new Map<Digest, ArrivingBlob>()
  for (const { digest } of blobs)
    arriving.set(digest, {
      file: store.blobs.path(digest),
      offset: 0,
      // All of it has been read, and it is verified a little later.
      arrived: new Promise(resolve => setTimeout(resolve, 300)),
    })
  await unpack(arriving)
  t.same(
    chain.map(id => listing(store, id)),
    before,
  )
})

t.test('few and many bytes in turn', async t => {
  for (const kinds of ['sslss', 'slslsl', 'lsss', 'sl']) {
    const layers = [...kinds].map((kind, i) => (kind === 's' ? small : large)(i + 1))
    const { store, chain, before, unpack } = await unpacked([base, ...layers])
    await unpack()
    t.same(
      chain.map(id => listing(store, id)),
      before,
      kinds,
    )
    t.equal(threads, 1, `${kinds}: one thread`)
    t.same(contentsOf(store).incoming, [])
  }
})

t.test('one that is refused leaves nothing, and the next is not begun', async t => {
  const { store, unpack } = await unpacked([base, small(1), small(2)])
  const [record] = store.images.list()
  const layer = record && store.manifestOf(record).layers[1]
  if (layer === undefined) throw new Error('there is no such layer')
  const blob = fs.openSync(store.blobs.path(layer.digest), 'r+')
  fs.writeSync(blob, 'x')
  fs.closeSync(blob)
  await t.rejects(unpack(), { code: 'malformed', place: { layer: layer.digest } })
  t.equal(store.layers.list().length, 1)
  t.same(contentsOf(store).incoming, [])
  t.equal(threads, 0)
})
