// Compressed streams: found by their content, read whole whatever pieces they come in, refused
// when they are damaged, cut off, or grow without end.
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import t from 'tap'
import { bytesOf, collect, type ByteSource } from '../../../src/bytes/byte-source.js'
import { compress } from '../../../src/compress/compress.js'
import { detectCompression } from '../../../src/compress/compression.js'
import { decompress } from '../../../src/compress/decompress.js'

const MUCH = 1 << 30
const plain = Buffer.concat([
  Buffer.from('a layer\n'.repeat(50_000)),
  randomBytes(300_000),
])

/** The bytes in pieces of the same size. */
async function* inPieces(bytes: Buffer, size: number): ByteSource {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function opened(bytes: Buffer, size: number): Promise<[string, Buffer]> {
  const { compression, stream } = await decompress(inPieces(bytes, size))
  return [compression, await collect(stream, MUCH)]
}

const zstded = async (bytes: Buffer): Promise<Buffer> =>
  collect(compress('zstd', bytesOf(bytes)), MUCH)

t.test('the first bytes tell', async t => {
  t.equal(detectCompression(gzipSync('x')), 'gzip')
  t.equal(detectCompression(await zstded(Buffer.from('x'))), 'zstd')
  t.equal(detectCompression(Buffer.from([0x5a, 0x2a, 0x4d, 0x18])), 'zstd', 'skippable')
  t.equal(detectCompression(Buffer.alloc(0)), 'none')
  t.equal(detectCompression(Buffer.from([0x1f, 0x8b])), 'none', 'too short to be any')
  t.equal(detectCompression(Buffer.from('BZh9')), 'none')
})

t.test('what goes in comes out', async t => {
  for (const kind of ['none', 'gzip', 'zstd'] as const) {
    const packed = await collect(compress(kind, inPieces(plain, 70_001)), MUCH)
    for (const size of [1009, 1 << 20]) {
      const [found, bytes] = await opened(packed, size)
      t.equal(found, kind)
      t.ok(bytes.equals(plain), `${kind} in pieces of ${size}`)
    }
  }
  const [, nothing] = await opened(Buffer.alloc(0), 1)
  t.equal(nothing.length, 0)
  const packed = await zstded(Buffer.alloc(0))
  t.equal((await opened(packed, 1))[1].length, 0, 'an empty frame')
})

t.test('the same bytes give the same stream', async t => {
  for (const kind of ['gzip', 'zstd'] as const) {
    const one = await collect(compress(kind, bytesOf(plain)), MUCH)
    const other = await collect(compress(kind, bytesOf(plain)), MUCH)
    t.ok(one.equals(other), kind)
  }
  const gzip = await collect(compress('gzip', bytesOf(plain)), MUCH)
  t.equal(gzip.readUInt32LE(4), 0, 'no time')
  t.ok(gunzipSync(gzip).equals(plain))
})

t.test('members and frames follow each other', async t => {
  const twice = Buffer.concat([gzipSync('one '), gzipSync('two')])
  t.equal((await opened(twice, 7))[1].toString(), 'one two')
  const frames = Buffer.concat([
    await zstded(Buffer.from('one ')),
    Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9]),
    await zstded(Buffer.from('two')),
  ])
  for (const size of [1, 7, 1000]) {
    t.equal((await opened(frames, size))[1].toString(), 'one two', `pieces of ${size}`)
  }
})

t.test('zstd of the command is read, and the command reads ours', async t => {
  const command = execFileSync('zstd', ['-c', '-19'], { input: plain, maxBuffer: MUCH })
  t.ok((await opened(command, 4096))[1].equals(plain))
  const input = await zstded(plain)
  t.ok(execFileSync('zstd', ['-dc'], { input, maxBuffer: MUCH }).equals(plain))
})

t.test('damage is told', async t => {
  const damaged = async (bytes: Buffer) => opened(bytes, 4096)
  for (const packed of [gzipSync(plain), await zstded(plain)]) {
    await t.rejects(damaged(packed.subarray(0, packed.length - 9)), { code: 'truncated' })
    const wrong = Buffer.from(packed)
    wrong.writeUInt8((wrong[packed.length >> 1] ?? 0) ^ 0xff, packed.length >> 1)
    await t.rejects(damaged(wrong), { code: 'malformed' })
  }
})

t.test('an error of the source comes through as it is', async t => {
  async function* broken(): ByteSource {
    yield gzipSync(plain).subarray(0, 5000)
    throw new Error('the line is dead')
  }
  const { stream } = await decompress(broken())
  await t.rejects(collect(stream, MUCH), { message: 'the line is dead' })
})

t.test('a reader that stops ends the source', async t => {
  for (const packed of [gzipSync(plain), await zstded(plain), plain]) {
    let ended = false
    async function* watched(): ByteSource {
      try {
        yield* inPieces(packed, 1000)
      } finally {
        ended = true
      }
    }
    const { stream } = await decompress(watched())
    for await (const _ of stream) break
    await new Promise(resolve => setImmediate(resolve))
    t.ok(ended)
  }
})

t.test('limits', async t => {
  const zeros = Buffer.alloc(8 << 20)
  const limits = { bytes: 1 << 30, ratio: 100, ratioFrom: 1 << 20 }
  for (const packed of [gzipSync(zeros), await zstded(zeros)]) {
    const limit = async (more: Partial<typeof limits>) => {
      const opened = await decompress(bytesOf(packed), { ...limits, ...more })
      return collect(opened.stream, MUCH)
    }
    await t.rejects(limit({}), { code: 'limit', message: /100 times/ })
    await t.rejects(limit({ ratio: 1e9, bytes: 5 << 20 }), { code: 'limit' })
    t.equal((await limit({ ratioFrom: 8 << 20 })).length, 8 << 20)
  }
  const opened = await decompress(bytesOf(zeros), { ...limits, bytes: 1000 })
  await t.rejects(collect(opened.stream, MUCH), { code: 'limit' })
})

/** Milliseconds in which another thread gets a processor, also where many want one. */
const SLEEP = 100

t.test('inflating goes on beside what the reader does with a piece', async t => {
  const much = randomBytes(8 << 20)
  // Digits: they take some work, and are not stored as they are.
  for (let i = 0; i < much.length; i++) much[i] = 0x30 + ((much[i] ?? 0) % 10)
  const packed = await collect(compress('gzip', bytesOf(much)), MUCH)
  const { stream } = await decompress(inPieces(packed, 1 << 20))
  const since = process.cpuUsage()
  let beside = 0
  for await (const _ of stream) {
    const before = process.cpuUsage()
    // This thread sleeps: what uses a processor now is another one.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, SLEEP)
    beside += process.cpuUsage(before).user
  }
  const { user } = process.cpuUsage(since)
  t.ok(beside > user / 4, `${beside} of ${user} µs beside the reader`)
})
