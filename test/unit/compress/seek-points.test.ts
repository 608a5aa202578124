// Random access into compressed streams: whatever is read, wherever, in whatever order, is what
// the whole stream has there.
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { constants, gzipSync } from 'node:zlib'
import t from 'tap'
import { bytesOf, collect, type ByteSource } from '../../../src/bytes/byte-source.js'
import type { RandomSource } from '../../../src/bytes/random-source.js'
import { compress } from '../../../src/compress/compress.js'
import type { Compression } from '../../../src/compress/compression.js'
import {
  emptyPoints,
  largestGap,
  openSeekable,
  recordPoints,
  type SeekPoints,
} from '../../../src/compress/seek-points.js'
import { decodePoints, encodePoints } from '../../../src/compress/store-points.js'

const MUCH = 1 << 30
const SPACING = 100_000

/** Text that compresses, with parts that do not. */
const plain = Buffer.concat(
  Array.from({ length: 40 }, (_, i) =>
    i % 5 === 0
      ? randomBytes(30_000)
      : Buffer.from(createHash('sha256').update(`${i}`).digest('hex').repeat(1000)),
  ),
)

class InMemory implements RandomSource {
  readonly size: number
  private readonly bytes: Buffer

  constructor(bytes: Buffer) {
    this.bytes = bytes
    this.size = bytes.length
  }

  readAt(position: number, into: Uint8Array): number {
    return this.bytes.copy(into, 0, Math.min(position, this.size))
  }
}

async function* inPieces(bytes: Buffer, size: number): ByteSource {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function record(
  kind: Compression,
  packed: Buffer,
  piece = 60_000,
): Promise<{ points: SeekPoints; all: Buffer }> {
  const points = emptyPoints(kind)
  const all = await collect(recordPoints(inPieces(packed, piece), points, SPACING), MUCH)
  return { points, all }
}

function part(source: RandomSource, at: number, length: number): Buffer {
  const into = Buffer.alloc(length)
  return into.subarray(0, source.readAt(at, into))
}

const zstded = async (bytes: Buffer): Promise<Buffer> =>
  collect(compress('zstd', bytesOf(bytes)), MUCH)

const half = plain.length >> 1
const streams: readonly (readonly [string, Compression, () => Promise<Buffer>])[] = [
  ['gzip', 'gzip', async () => gzipSync(plain)],
  ['gzip -1', 'gzip', async () => gzipSync(plain, { level: 1 })],
  ['fixed codes', 'gzip', async () => gzipSync(plain, { strategy: constants.Z_FIXED })],
  ['stored', 'gzip', async () => gzipSync(plain, { level: 0 })],
  [
    'gzip of several members',
    'gzip',
    async () =>
      Buffer.concat([
        gzipSync(plain.subarray(0, 1000)),
        gzipSync(Buffer.alloc(0)),
        gzipSync(plain.subarray(1000, half)),
        gzipSync(plain.subarray(half)),
        Buffer.from('what is not a member'),
      ]),
  ],
  [
    'gzip(1) with a name',
    'gzip',
    async () => execFileSync('gzip', ['-c'], { input: plain, maxBuffer: MUCH }),
  ],
  [
    'zstd of several frames',
    'zstd',
    async () => {
      const parts: Buffer[] = []
      for (let at = 0; at < plain.length; at += 250_000)
        parts.push(await zstded(plain.subarray(at, at + 250_000)))
      return Buffer.concat(parts)
    },
  ],
  ['zstd of one frame', 'zstd', async () => zstded(plain)],
  ['none', 'none', async () => plain],
]

for (const [name, kind, make] of streams)
  t.test(name, async t => {
    const packed = await make()
    for (const piece of [777, 1 << 22]) {
      const { points, all } = await record(kind, packed, piece)
      t.ok(all.equals(plain), `read once, in pieces of ${piece}`)
      t.equal(points.size, plain.length)
    }
    const { points } = await record(kind, packed)
    const source = openSeekable(new InMemory(packed), points)
    t.equal(source.size, plain.length)
    const places = [0, 1, 999, half - 5, half, plain.length - 10]
    for (let i = 0; i < 40; i++)
      places.push(Math.floor((i * 7919 * 104729) % plain.length))
    for (const at of places)
      for (const length of [1, 5000, 300_000]) {
        const wanted = plain.subarray(at, at + length)
        if (!part(source, at, length).equals(wanted)) t.fail(`${length} bytes at ${at}`)
      }
    t.equal(part(source, plain.length, 10).length, 0)
    t.equal(part(source, plain.length + 5, 10).length, 0)
    const inOrder: Buffer[] = []
    for (let at = 0; at < plain.length; at += 4096) inOrder.push(part(source, at, 4096))
    t.ok(Buffer.concat(inOrder).equals(plain), 'in order')
  })

t.test('how far points are apart', async t => {
  const { points } = await record('gzip', gzipSync(plain))
  t.ok(points.points.length > 5)
  t.ok(largestGap(points) < 3 * SPACING)
  const one = await record('zstd', await zstded(plain))
  t.equal(largestGap(one.points), plain.length, 'a single frame')
  t.equal(largestGap(emptyPoints('gzip')), 0)
})

t.test('a compressed stream in a compressed stream', async t => {
  const inner = gzipSync(plain)
  const outer = gzipSync(inner, { level: 1 })
  const { points: outerPoints } = await record('gzip', outer)
  const { points: innerPoints } = await record('gzip', inner)
  const source = openSeekable(openSeekable(new InMemory(outer), outerPoints), innerPoints)
  for (const at of [0, half, 12_345])
    t.ok(part(source, at, 1000).equals(plain.subarray(at, at + 1000)))
})

t.test('damage', async t => {
  for (const [kind, packed] of [
    ['gzip', gzipSync(plain)],
    ['zstd', await zstded(plain)],
  ] as const) {
    const cut = packed.subarray(0, packed.length - 10)
    await t.rejects(record(kind, cut), { code: 'truncated' })
    const wrong = Buffer.from(packed)
    wrong.fill(0xff, packed.length >> 2, (packed.length >> 2) + 100)
    await t.rejects(record(kind, wrong), { code: 'malformed' })
    await t.rejects(record(kind, Buffer.from('no such stream')), { code: 'malformed' })
    const { points } = await record(kind, packed)
    const source = openSeekable(new InMemory(wrong), points)
    t.throws(() => part(source, 0, plain.length), { name: 'CompressionError' })
    const short = openSeekable(new InMemory(cut.subarray(0, cut.length >> 1)), points)
    t.throws(() => part(short, 0, plain.length), { code: 'truncated' })
    t.ok(part(short, 5, 100).equals(plain.subarray(5, 105)), 'what is there can be read')
  }
})

t.test('points from a file', async t => {
  const packed = gzipSync(plain)
  const { points } = await record('gzip', packed)
  const read = decodePoints(encodePoints(points))
  t.same(read, points)
  const source = openSeekable(new InMemory(packed), read)
  t.ok(part(source, half, 1000).equals(plain.subarray(half, half + 1000)))
  const bytes = encodePoints(points)
  for (const wrong of [
    bytes.subarray(0, 20),
    bytes.subarray(0, -1),
    Buffer.alloc(100, 0xff),
  ])
    t.throws(() => decodePoints(wrong), { code: 'EUCLEAN' })
})
