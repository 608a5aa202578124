// Archives that end too early, or are none: an error that names the layer and the entry.
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { bytesOf } from '../../src/bytes/byte-source.js'
import { decompress } from '../../src/compress/decompress.js'
import { file, makeTar } from '../helpers/make-tar.js'
import { ground } from '../helpers/unpack.js'

const tar = makeTar(file('one', 'x'.repeat(2000)), file('two', 'y'.repeat(2000)))

t.test('contents that are missing', async t => {
  const g = ground(t)
  await g.refuses(tar.subarray(0, 4000), {
    code: 'malformed',
    place: { entry: 'two' },
    message: /entry 'two': the contents of a file are cut off/,
  })
  await g.refuses(tar.subarray(0, 1000), { code: 'malformed', place: { entry: 'one' } })
  const lying = makeTar(file('big', 'x', { size: 8 ** 11 - 1 }))
  await g.refuses(lying, { code: 'malformed', place: { entry: 'big' } })
})

t.test('a header that is cut off or damaged', async t => {
  const g = ground(t)
  await g.refuses(tar.subarray(0, 2700), { code: 'malformed' })
  const damaged = Buffer.from(tar)
  damaged[2560] = 0x7a
  await g.refuses(damaged, { code: 'malformed', message: /checksum/ })
  await g.refuses(Buffer.alloc(5000, 'no archive at all'), { code: 'malformed' })
})

t.test('compressed data that is cut off', async t => {
  const g = ground(t)
  const gzip = gzipSync(tar)
  const { stream } = await decompress(bytesOf(gzip.subarray(0, gzip.length - 20)))
  await g.refuses(stream, { code: 'malformed', message: /gzip stream is cut off/ })
})
