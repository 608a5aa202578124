// zlib's inflate through the addon: its stops, its errors, and that nothing it was given can be
// used twice at once.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import {
  INFLATE,
  INFLATE_WINDOW,
  type Inflater,
  inflateCreate,
  inflateGetWindow,
  inflatePrime,
  inflateReset,
  inflateRun,
  inflateRunAsync,
  inflateSetWindow,
} from '../../src/sys/inflate.js'
import { outcome } from './place.js'

const GZIP = 31
const RAW = -15
/** Text that needs many blocks. */
const plain = Buffer.from(
  Array.from({ length: 12_000 }, (_, i) =>
    createHash('md5').update(`${i}`).digest('hex'),
  ).join(''),
)
const packed = gzipSync(plain)
const MUCH = Number.MAX_SAFE_INTEGER

function create(windowBits: number): Inflater {
  const inflater = inflateCreate(windowBits)
  if (typeof inflater === 'number') throw new Error(String(outcome(inflater)))
  return inflater
}

const result = new Float64Array(3)
const output = Buffer.alloc(plain.length + 1)

t.test('a stream in one run, in pieces, and on another thread', async t => {
  const inflater = create(GZIP)
  t.equal(inflateRun(inflater, packed, output, MUCH, result), INFLATE.end)
  t.same([result[0], result[1]], [packed.length, plain.length])
  t.ok(output.subarray(0, plain.length).equals(plain))
  t.equal(inflateReset(inflater, GZIP), 0)
  const parts: Buffer[] = []
  let used = 0
  for (let status = 0; status === 0; used += result[0] ?? 0) {
    const room = Buffer.alloc(1000)
    status = inflateRun(inflater, packed.subarray(used, used + 77), room, MUCH, result)
    parts.push(room.subarray(0, result[1]))
  }
  t.ok(Buffer.concat(parts).equals(plain))
  inflateReset(inflater, GZIP)
  output.fill(0)
  const running = inflateRunAsync(inflater, packed, output, MUCH, result)
  t.throws(() => inflateReset(inflater, GZIP), { code: 'ERR_INVALID_STATE' })
  t.throws(() => inflateRun(inflater, packed, output, MUCH, result), {
    code: 'ERR_INVALID_STATE',
  })
  t.equal(await running, INFLATE.end)
  t.ok(output.subarray(0, plain.length).equals(plain))
})

t.test('goes on from a stop between blocks', async t => {
  const inflater = create(GZIP)
  t.equal(inflateRun(inflater, packed, output, 50_000, result), INFLATE.boundary)
  const [used = 0, made = 0, bits = 0] = result
  t.ok(made >= 50_000 && made < plain.length)
  const window = Buffer.alloc(INFLATE_WINDOW)
  t.equal(inflateGetWindow(inflater, window), INFLATE_WINDOW)
  t.ok(window.equals(plain.subarray(made - INFLATE_WINDOW, made)))
  const other = create(RAW)
  if (bits > 0) inflatePrime(other, bits, (packed[used - 1] ?? 0) >> (8 - bits))
  t.equal(inflateSetWindow(other, window), 0)
  t.equal(inflateRun(other, packed.subarray(used), output, MUCH, result), INFLATE.end)
  t.ok(output.subarray(0, result[1]).equals(plain.subarray(made)))
})

t.test('damage, and wrong arguments', async t => {
  const inflater = create(GZIP)
  const wrong = Buffer.from('neither gzip nor anything')
  t.equal(outcome(inflateRun(inflater, wrong, output, MUCH, result)), 'EBADMSG')
  inflateReset(inflater, GZIP)
  const damaged = Buffer.from(packed)
  damaged.writeUInt32LE(0, packed.length - 8)
  t.equal(outcome(inflateRun(inflater, damaged, output, MUCH, result)), 'EBADMSG')
  t.equal(outcome(Number(inflateCreate(99))), 'EINVAL')
  t.equal(outcome(inflatePrime(inflater, 99, 0)), 'EINVAL')
  const nothing = {} as Inflater
  t.throws(() => inflateReset(nothing, GZIP), TypeError)
  t.throws(() => inflateRun(nothing, packed, output, MUCH, result), TypeError)
  t.throws(() => inflateGetWindow(inflater, Buffer.alloc(10)), RangeError)
  t.throws(() => inflateSetWindow(inflater, Buffer.alloc(40_000)), RangeError)
  t.throws(() => inflateRun(inflater, packed, output, -1, result), RangeError)
  t.throws(() => inflateRun(inflater, packed, output, 1, new Float64Array(2)), RangeError)
})

t.test('many streams at once keep to themselves', async t => {
  const runs = Array.from({ length: 20 }, async (_, i) => {
    const data = Buffer.alloc(100_000, `stream ${i}`)
    const room = Buffer.alloc(data.length + 1)
    const own = new Float64Array(3)
    const status = await inflateRunAsync(create(GZIP), gzipSync(data), room, MUCH, own)
    return status === INFLATE.end && room.subarray(0, own[1]).equals(data)
  })
  t.ok((await Promise.all(runs)).every(Boolean))
})
