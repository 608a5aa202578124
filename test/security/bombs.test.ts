// Small archives that grow large: by compression, by holes, by number, by depth.
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { bytesOf, collect } from '../../src/bytes/byte-source.js'
import { compress } from '../../src/compress/compress.js'
import { decompress } from '../../src/compress/decompress.js'
import { defaultDecompressLimits } from '../../src/compress/limits.js'
import { defaultUnpackLimits } from '../../src/image/unpack/limits.js'
import { directory, file, makeTar, symlink, type TarPiece } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

const limits = defaultUnpackLimits

t.test('compressed zeros', async t => {
  const g = ground(t)
  const zeros = makeTar(file('zeros', '', { data: Buffer.alloc(30 << 20) }))
  const few = { bytes: 2 ** 40, ratio: 200, ratioFrom: 1 << 20 }
  for (const bomb of [
    gzipSync(zeros),
    await collect(compress('zstd', bytesOf(zeros)), 1 << 26),
  ]) {
    const { stream } = await decompress(bytesOf(bomb), few)
    await g.refuses(stream, { code: 'limit', message: /200 times/ })
    const small = await decompress(bytesOf(bomb), { ...few, ratio: 1e9, bytes: 1 << 20 })
    await g.refuses(small.stream, { code: 'limit' })
  }
  t.ok(defaultDecompressLimits.ratio < 1000, 'gzip alone reaches 1032')
})

t.test('a file of nothing but holes', async t => {
  const g = ground(t)
  const size = String(2 ** 50)
  const pax = { 'GNU.sparse.size': size, 'GNU.sparse.map': `${size},0` }
  await g.refuses(makeTar(file('s', '', { pax })), {
    code: 'limit',
    place: { entry: 's' },
  })
})

t.test('contents', async t => {
  const g = ground(t)
  const tar = makeTar(file('a', 'x'.repeat(600)), file('b', 'x'.repeat(600)))
  const expected = { code: 'limit', place: { entry: 'b' } }
  await g.refuses(tar, expected, { limits: { ...limits, totalBytes: 1000 } })
})

t.test('entries', async t => {
  const g = ground(t)
  const many: TarPiece[] = Array.from({ length: 101 }, (_, i) => file(`f${i}`))
  const expected = { code: 'limit', place: { entry: 'f100' } }
  await g.refuses(makeTar(...many), expected, { limits: { ...limits, entries: 100 } })
  const same: TarPiece[] = Array.from({ length: 101 }, () => file('f'))
  await g.refuses(
    makeTar(...same),
    { code: 'limit' },
    { limits: { ...limits, entries: 100 } },
  )
})

t.test('depth', async t => {
  const g = ground(t)
  const path = `${'d/'.repeat(limits.depth + 1)}f`
  await g.refuses(makeTar(file('x', '', { pax: { path } })), {
    code: 'limit',
    message: /deep/,
  })
  const layer = await g.add(makeTar(file('x', '', { pax: { path: path.slice(2) } })))
  t.ok(layer)
})

t.test('names and targets', async t => {
  const g = ground(t)
  const long = 'n'.repeat(256)
  await g.refuses(makeTar(file('x', '', { pax: { path: long } })), { code: 'limit' })
  await g.refuses(makeTar(symlink('x', '', { pax: { linkpath: 'x'.repeat(5000) } })), {
    code: 'store',
    place: { entry: 'x' },
  })
  const endless = makeTar(directory('d', { pax: { path: 'd/'.repeat(100_000) } }))
  await g.refuses(endless, { code: 'limit' })
})

t.test('extended headers', async t => {
  const g = ground(t)
  const pax = { comment: Buffer.alloc(8 << 20, 'x') }
  await g.refuses(makeTar(file('x', '', { pax })), { code: 'limit' })
})
