// Blobs come whole and verified, or not at all; a broken one goes on where it ended.
import * as fs from 'node:fs'
import t from 'tap'
import { bytesOf, type ByteSource } from '../../../src/bytes/byte-source.js'
import { digestOf } from '../../../src/image/model/digest.js'
import { freshStore } from '../../helpers/store.js'

const data = Buffer.alloc(3_000_000, 'plyfs ')
const digest = digestOf(data)

async function* broken(...pieces: Buffer[]): ByteSource {
  yield* pieces
  await Promise.resolve()
  throw new Error('the line broke')
}

t.test('a blob is what was written', async t => {
  const store = await freshStore(t)
  const wrote = await store.blobs.write(bytesOf(data.subarray(0, 5), data.subarray(5)))
  t.same(wrote, { digest, size: data.length })
  t.equal(store.blobs.has(digest), true)
  t.equal(store.blobs.has(digest, 7), false, 'of another size it is absent')
  t.same(store.blobs.read(digest), data)
  const pieces: Uint8Array[] = []
  for await (const piece of store.blobs.open(digest)) pieces.push(Buffer.from(piece))
  t.same(Buffer.concat(pieces), data)
  t.same(fs.readdirSync(store.place.incoming), [])
})

t.test('what is not what it should be leaves nothing', async t => {
  const store = await freshStore(t)
  const other = digestOf('other')
  for (const [what, source, expected, code] of [
    ['digest', bytesOf(data), { digest: other }, 'mismatch'],
    ['too short', bytesOf(data.subarray(1)), { digest, size: data.length }, 'mismatch'],
    ['too long', bytesOf(data, data), { digest, size: data.length }, 'mismatch'],
    ['limit', bytesOf(data), { limit: 10 }, 'limit'],
  ] as const)
    await t.rejects(store.blobs.write(source, expected), { code }, what)
  await t.rejects(store.blobs.write(broken(data)), { message: 'the line broke' })
  t.same(fs.readdirSync(store.place.incoming), [])
  t.same(store.blobs.list(), [])
})

t.test('a partial blob goes on, in another process too', async t => {
  const store = await freshStore(t)
  const first = await store.blobs.partial(digest, data.length)
  if (first === null) throw new Error('it is there')
  t.equal(first.size, 0)
  await t.rejects(first.append(broken(data.subarray(0, 1_500_001))))
  t.equal(first.size, 1_500_001, 'what came before the break is there')
  await first.close()
  const second = await store.blobs.partial(digest, data.length)
  if (second === null) throw new Error('it is there')
  t.equal(second.size, 1_500_001)
  await second.append(bytesOf(data.subarray(second.size)))
  t.same(await second.finish(), { digest, size: data.length })
  t.same(store.blobs.read(digest), data)
  t.equal(
    await store.blobs.partial(digest, data.length),
    null,
    'nothing is left to bring',
  )
  t.same(fs.readdirSync(store.place.incoming), [])
})

t.test('a partial blob that is wrong is thrown away', async t => {
  const store = await freshStore(t)
  const one = await store.blobs.partial(digest, data.length)
  if (one === null) throw new Error('it is there')
  await one.append(bytesOf(Buffer.alloc(data.length, 'x')))
  await t.rejects(one.finish(), { code: 'mismatch' })
  t.same(fs.readdirSync(store.place.incoming), [])
  const two = await store.blobs.partial(digest, data.length)
  if (two === null) throw new Error('it is there')
  t.equal(two.size, 0)
  await two.append(bytesOf(data.subarray(0, 10)))
  await two.restart()
  t.equal(two.size, 0)
  await t.rejects(two.append(bytesOf(data, data)), { code: 'mismatch' })
  await two.close()
})

t.test('who asks for a blob that is on its way waits for it', async t => {
  const store = await freshStore(t)
  const mine = await store.blobs.partial(digest, data.length)
  if (mine === null) throw new Error('it is there')
  let answered = false
  const other = store.blobs.partial(digest, data.length).then(found => {
    answered = true
    return found
  })
  await mine.append(bytesOf(data))
  t.equal(answered, false)
  await mine.finish()
  t.equal(await other, null)
})
