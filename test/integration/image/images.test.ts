// Names, digests and IDs of images in the store; removing, pruning, sweeping, checking.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t, { type Test } from 'tap'
import { checkStore } from '../../../src/image/fsck.js'
import { collectGarbage } from '../../../src/image/gc.js'
import { parseReference, withDigest } from '../../../src/image/model/reference.js'
import { silent } from '../../../src/image/progress.js'
import { pruneImages } from '../../../src/image/prune.js'
import { removeImage, sweepRemoved } from '../../../src/image/remove.js'
import type { ImageRecord } from '../../../src/image/store/image-record.js'
import { Store } from '../../../src/image/store/store.js'
import {
  dockerArchive,
  makeImage,
  type MadeImage,
  manifestOf,
} from '../../helpers/image-archives.js'
import { directory, file } from '../../helpers/make-tar.js'
import { contentsOf, freshStore, loadBytes } from '../../helpers/store.js'

// The suite ends a file that takes too long.
t.setTimeout(0)

// `bin` has no entry of its own.
const base = [directory('etc/'), file('etc/hosts', 'localhost\n'), file('bin/sh', 'sh')]
const one = makeImage([
  base,
  [file('etc/one', '1'), file('etc/.wh.hosts'), file('bin/x')],
])
const two = makeImage([base, [file('etc/two', '2')]])

async function storeWith(
  t: Test,
  ...images: readonly (readonly [MadeImage, ...string[]])[]
): Promise<Store> {
  const store = await freshStore(t)
  for (const [image, ...tags] of images)
    await loadBytes(
      store,
      dockerArchive([{ image, tags: tags.length > 0 ? tags : null }]),
    )
  return store
}

/** As a pull does it: blobs first, then the image with its manifest and its digest. */
function addPulled(
  store: Store,
  image: MadeImage,
  name: string,
  kind: 'oci' | 'docker',
): Promise<ImageRecord> {
  const { bytes, mediaType, blobs } = manifestOf(image, kind)
  const reference = parseReference(name)
  return store.whileAdding(async () => {
    for (const blob of blobs.values()) store.blobs.add(blob)
    const layers = [...blobs].slice(1).map(([, data]) => ({
      mediaType: `application/vnd.${kind === 'oci' ? 'oci.image.layer.v1.tar+gzip' : 'docker.image.rootfs.diff.tar.gzip'}`,
      ...store.blobs.add(data),
    }))
    const { digest } = store.blobs.add(bytes)
    return store.addImage(
      {
        manifest: { bytes, mediaType },
        config: image.config,
        layers,
        pulledAs: [withDigest(reference, digest)],
      },
      [reference],
      silent,
    )
  })
}

t.test('what finds an image', async t => {
  const store = await storeWith(t, [one, 'x:1', 'quay.io/a/x:2'], [two, 'x:2'])
  for (const text of [
    'x:1',
    'docker.io/library/x:1',
    'quay.io/a/x:2',
    one.id,
    one.id.slice(7),
    one.id.slice(7, 19),
    one.id.slice(0, 20),
  ])
    t.equal(store.resolve(text).id, one.id, text)
  t.throws(() => store.resolve('x'), { code: 'not-found' }, 'x:latest is not there')
  t.throws(() => store.resolve('0'.repeat(64)), { code: 'not-found' })
  t.throws(() => store.resolve('UPPER'), { code: 'invalid' })
  const { digest } = store.resolve('x:1').variants[0].manifest
  t.equal(
    store.resolve(`x@${digest}`).id,
    one.id,
    'the digest of a manifest that was made',
  )
  t.throws(() => store.resolve(`quay.io/z/x@${digest}`), { code: 'not-found' })
})

t.test('a prefix of two IDs is ambiguous', async t => {
  const images = Array.from({ length: 20 }, (_, i) => makeImage([], { author: `a${i}` }))
  const store = await storeWith(t, ...images.map(image => [image] as const))
  const first = new Map<string, number>()
  for (const { id } of images) first.set(id[7] ?? '', (first.get(id[7] ?? '') ?? 0) + 1)
  const [shared] = [...first].find(([, count]) => count > 1) ?? ['']
  t.throws(() => store.resolve(shared), { code: 'ambiguous', message: /<none>/ })
  await store.tag(store.resolve(images[3]?.id ?? ''), parseReference(shared))
  t.equal(store.resolve(shared).id, images[3]?.id, 'a name goes before a prefix')
})

t.test('a pulled manifest is kept byte for byte', async t => {
  for (const kind of ['oci', 'docker'] as const) {
    const store = await freshStore(t)
    const record = await addPulled(store, one, 'quay.io/a/b:1', kind)
    const [{ source, manifest, digests }] = record.variants
    const { bytes } = manifestOf(one, kind)
    t.same(store.blobs.read(source.digest), bytes)
    t.same(digests, [`quay.io/a/b@${source.digest}`])
    t.equal(store.resolve(`quay.io/a/b@${source.digest}`).id, one.id)
    t.equal(manifest.mediaType, 'application/vnd.oci.image.manifest.v1+json')
    t.equal(source.digest === manifest.digest, kind === 'oci')
    t.same(store.blobs.read(record.id), one.config)
    const index = JSON.parse(fs.readFileSync(store.place.index, 'utf8')) as object
    t.match(index, {
      manifests: [
        {
          digest: manifest.digest,
          annotations: { 'org.opencontainers.image.ref.name': 'quay.io/a/b:1' },
        },
      ],
    })
  }
})

t.test('one image by two ways: a load, then a pull', async t => {
  const store = await storeWith(t, [one, 'quay.io/a/b:1', 'other:1'])
  const pulled = await addPulled(store, one, 'quay.io/a/b:1', 'docker')
  t.equal(store.images.list().length, 1)
  t.equal(pulled.variants.length, 2, 'each manifest has its name')
  t.equal(
    store.resolve('quay.io/a/b:1').variants[0].source.digest,
    pulled.variants[0].source.digest,
  )
  t.not(
    store.resolve('other:1').variants[0].source.digest,
    pulled.variants[0].source.digest,
  )
  await removeImage(store, 'other:1')
  t.equal(store.resolve(one.id).variants.length, 1)
  t.same(
    (await collectGarbage(store)).blobs.length,
    3,
    'its manifest and plain layers go',
  )
  t.equal(store.resolve('quay.io/a/b:1').id, one.id)
})

t.test('removing names, and with the last the image', async t => {
  const store = await storeWith(t, [one, 'x:1', 'x:2', 'quay.io/y:1'], [two, 'z:1'])
  t.same(await removeImage(store, 'x:1'), {
    untagged: ['docker.io/library/x:1'],
    deleted: null,
  })
  await t.rejects(removeImage(store, one.id), {
    code: 'conflict',
    message: /quay\.io\/y:1/,
  })
  await removeImage(store, 'quay.io/y:1')
  t.same(await removeImage(store, 'x:2'), {
    untagged: ['docker.io/library/x:2'],
    deleted: one.id,
  })
  const swept = await sweepRemoved(store)
  t.equal(swept?.layers.length, 1, 'the shared base stays')
  t.equal((await removeImage(store, two.id.slice(7, 20))).deleted, two.id)
  await sweepRemoved(store)
  t.same(contentsOf(store), { blobs: [], layers: [], incoming: [] })
})

t.test('by a forced ID, with all names', async t => {
  const store = await storeWith(t, [one, 'x:1', 'quay.io/y:1'])
  const { deleted, untagged } = await removeImage(store, one.id, { force: true })
  t.equal(deleted, one.id)
  t.equal(untagged.length, 2)
})

t.test('an image in use stays, and its users are named', async t => {
  const store = await storeWith(t, [one, 'x:1', 'x:2'])
  const held = await store.use(store.resolve('x:1'), 'mount', '/mnt/there')
  await store.keepUse(store.resolve('x:1'), 'c1', 'web')
  await removeImage(store, 'x:1')
  await t.rejects(removeImage(store, 'x:2'), {
    code: 'in-use',
    message: /mount \/mnt\/there|container web/,
  })
  await t.rejects(removeImage(store, one.id, { force: true }), { code: 'in-use' })
  t.same((await pruneImages(store, { all: true })).images, [])
  held.end()
  store.uses.forget('c1')
  t.equal((await removeImage(store, 'x:2')).deleted, one.id)
})

t.test('the use of a process that was killed is over', async t => {
  const store = await storeWith(t, [one, 'x:1'])
  await store.use(store.resolve('x:1'), 'mount', '/alive')
  // A file without its lock is what such a process leaves.
  fs.writeFileSync(
    `${store.place.uses}/held-1-dead`,
    JSON.stringify({ image: one.id, kind: 'mount', name: '/dead', layers: [] }),
  )
  t.same(
    store.uses.list().map(({ name }) => name),
    ['/alive'],
  )
  t.equal(fs.existsSync(`${store.place.uses}/held-1-dead`), false)
})

t.test('gc keeps untagged images, prune does not', async t => {
  const store = await storeWith(t, [one, 'x:1'], [two, 'x:1'])
  const before = contentsOf(store)
  t.same(await collectGarbage(store), {
    blobs: [],
    layers: [],
    leftovers: [],
    writable: [],
    archives: [],
    flat: [],
    bytes: 0,
  })
  t.same(contentsOf(store), before)
  const pruned = await pruneImages(store)
  t.same(
    pruned.images.map(({ id }) => id),
    [one.id],
  )
  t.equal(pruned.swept?.layers.length, 1)
  t.equal(store.resolve('x:1').id, two.id)
  t.same(
    (await pruneImages(store, { all: true })).images.map(({ id }) => id),
    [two.id],
  )
  t.same(contentsOf(store), { blobs: [], layers: [], incoming: [] })
})

t.test(
  'gc removes what a killed command has left, and waits for one that lives',
  async t => {
    const store = await storeWith(t, [one, 'x:1'])
    store.blobs.add(Buffer.from('nobody’s'))
    fs.mkdirSync(`${store.place.incoming}/layer-x/diff/deep`, { recursive: true })
    fs.writeFileSync(`${store.place.incoming}/write-1`, 'half')
    const dry = await collectGarbage(store, { dryRun: true })
    t.equal(dry.blobs.length, 1)
    let swept: Promise<unknown> | undefined
    let done = false
    await store.whileAdding(async () => {
      let waited: () => void = () => undefined
      const waits = new Promise<void>(resolve => (waited = resolve))
      swept = collectGarbage(store, { onWait: () => waited() }).then(() => (done = true))
      await waits
      t.equal(done, false)
    })
    await swept
    t.equal(done, true)
    t.same(contentsOf(store).incoming, [])
    t.match(await checkStore(store), { problems: [], images: 1, layers: 2, blobs: 4 })
  },
)

t.test('fsck names what is wrong, and mends it', async t => {
  const store = await storeWith(t, [one, 'x:1'])
  const [top = ''] = store.layers.paths(store.configOf(store.resolve('x:1')).diffIds)
  const stat = fs.statSync(`${top}/etc/one`)
  fs.writeFileSync(`${top}/etc/one`, '3')
  fs.utimesSync(`${top}/etc/one`, stat.atime, stat.mtime)
  fs.writeFileSync(`${top}/added`, '')
  execFileSync('setfattr', ['-n', 'user.x', '-v', 'y', `${top}/etc`])
  fs.rmSync(store.place.layout)
  const found = await checkStore(store)
  const text = found.problems.map(problem => problem.text).join('\n')
  for (const part of [
    '/etc/one: contents',
    '/added: added',
    '/etc: extended attributes',
    'oci-layout',
  ])
    t.match(text, part)
  t.ok(found.problems.every(({ repaired }) => repaired === null))
  const held = await store.use(store.resolve('x:1'), 'mount', '/m')
  t.match((await checkStore(store, { repair: true })).problems, [{ text: /in use/ }, {}])
  held.end()
  const repaired = await checkStore(store, { repair: true })
  t.ok(repaired.problems.every(problem => problem.repaired !== null))
  t.same((await checkStore(store)).problems, [])
  t.equal(fs.readFileSync(`${top}/etc/one`, 'utf8'), '1')
})

t.test('fsck of damaged blobs and records', async t => {
  const store = await storeWith(t, [one, 'x:1'], [two, 'y:1'])
  const layer = store.manifestOf(store.resolve('x:1')).layers[1]?.digest
  if (layer === undefined) throw new Error('no layer')
  fs.appendFileSync(store.blobs.path(layer), 'x')
  fs.writeFileSync(store.blobs.path(store.resolve('y:1').id), 'y')
  await t.rejects(collectGarbage(store), { code: 'store', message: /fsck/ })
  const { problems } = await checkStore(store, { repair: true })
  const text = problems.map(problem => problem.text).join('\n')
  t.match(text, `blob ${layer} is damaged`)
  t.match(text, /image docker\.io\/library\/y:1/)
  t.same(
    store.images.list().map(({ id }) => id),
    [one.id],
    'what cannot be mended is forgotten',
  )
  await loadBytes(
    store,
    dockerArchive([
      { image: one, tags: ['x:1'] },
      { image: two, tags: ['y:1'] },
    ]),
  )
  await collectGarbage(store)
  t.same((await checkStore(store)).problems, [], 'a new load brings it back')
})

t.test('two loads at a time, and a name that both want', async t => {
  const store = await freshStore(t)
  const images = Array.from({ length: 6 }, (_, i) =>
    makeImage([base, [file(`f${i}`, 'x')]]),
  )
  await Promise.all(
    images.map((image, i) =>
      loadBytes(store, dockerArchive([{ image, tags: [`own:${i}`, 'common:1'] }])),
    ),
  )
  const list = store.images.list()
  t.equal(list.length, 6)
  t.equal(
    list.filter(({ names }) => names.includes('docker.io/library/common:1')).length,
    1,
  )
  t.equal(fs.readdirSync(store.place.layers).length, 7)
  t.same((await checkStore(store)).problems, [])
  t.same(contentsOf(store).incoming, [])
})

t.test('a store is made once, and another version is refused', async t => {
  const store = await freshStore(t)
  await t.rejects(Store.open({ root: `${store.place.root}/none` }), { code: 'not-found' })
  const record = fs.readFileSync(store.place.record, 'utf8')
  fs.writeFileSync(store.place.record, record.replace('1', '9'))
  await t.rejects(Store.open({ root: store.place.root }), { code: 'store', message: /9/ })
})
