// The pool: each job answers the kernel (a stand-in) and posts its completion.
import * as fs from 'node:fs'
import t, { type Test } from 'tap'
import { FALLOC_FL_KEEP_SIZE } from '../../src/sys/constants.js'
import {
  loopCreate,
  loopDestroy,
  loopExchange,
  type LoopMemory,
  STATUS,
} from '../../src/sys/device.js'
import * as pool from '../../src/sys/pool.js'
import { answer, type Device, fakeDevice, loop, SLOT_BYTES } from './fake-device.js'
import { openDescriptors, outcome, place, threads } from './place.js'

const UNIQUE_LOW = 0x80000001
const UNIQUE_HIGH = 0x12345678
const UNIQUE = 0x12345678_80000001n

interface Setting {
  readonly device: Device
  readonly memory: LoopMemory
  readonly file: number
  readonly path: string
  at(name: string): string
  /** Sleeps until a completion wakes the loop, and takes all there are. */
  completions(): number[]
}

function setting(t: Test, threads = 2): Setting {
  const { at } = place(t)
  const device = fakeDevice(t)
  const memory = loop(t, device)
  if (threads > 0) t.equal(pool.poolStart(memory.id, threads), threads)
  const path = at('file')
  fs.writeFileSync(path, Buffer.alloc(200_000, 'qwertz'))
  const file = fs.openSync(path, 'r+')
  t.teardown(() => fs.closeSync(file))
  const completions = (): number[] => {
    t.equal(loopExchange(memory.id, -1, 0, 0, 0), 0)
    const out = new Float64Array(16)
    const count = pool.loopDrain(memory.id, out)
    return [...out.subarray(0, 2 * count)]
  }
  return { device, memory, file, path, at, completions }
}

t.test('poolRead', async t => {
  const { device, memory, file, completions } = setting(t)
  const read = (fd: number, position: number, size: number): number =>
    pool.poolRead(
      memory.id,
      device.fd,
      UNIQUE_LOW,
      UNIQUE_HIGH,
      fd,
      position,
      size,
      17,
      true,
    )
  t.equal(read(file, 1, 150_000), 0)
  const data: Buffer[] = []
  let first = device.receive()
  const { len, error, unique } = answer(first)
  while (Buffer.concat(data).length + first.length < len) {
    data.push(first)
    first = device.receive()
  }
  data.push(first)
  t.equal(len, 150_016)
  t.equal(error, 0)
  t.equal(unique, UNIQUE)
  t.ok(
    Buffer.concat(data)
      .subarray(16)
      .equals(Buffer.alloc(200_000, 'qwertz').subarray(1, 150_001)),
  )
  t.strictSame(completions(), [17, 150_000])
  t.equal(read(file, 199_999, 4096), 0)
  t.equal(answer(device.receive()).data.length, 1, 'short at the end')
  t.strictSame(completions(), [17, 1])
  t.equal(read(9999, 0, 10), 0)
  const refused = answer(device.receive())
  t.equal(refused.error, -9)
  t.equal(refused.len, 16)
  t.equal(refused.unique, UNIQUE)
  t.strictSame(completions(), [17, -9])
  t.throws(() => read(file, 0, -1), RangeError)
  t.throws(() => read(file, 0, 2 ** 30), RangeError)
})

t.test('poolWrite', async t => {
  const { device, memory, file, path, completions } = setting(t)
  Buffer.from(memory.requests).write('some data', SLOT_BYTES + 100)
  const write = (fd: number, slot: number, at: number, size: number): number =>
    pool.poolWrite(
      memory.id,
      device.fd,
      UNIQUE_LOW,
      UNIQUE_HIGH,
      fd,
      3,
      slot,
      at,
      size,
      4294967295,
      true,
    )
  t.equal(write(file, 1, 100, 9), 0)
  const { len, error, data } = answer(device.receive())
  t.strictSame([len, error, data.readUInt32LE(0)], [24, 0, 9])
  t.strictSame(completions(), [4294967295, 9])
  t.equal(fs.readFileSync(path, 'latin1').slice(0, 14), 'qwesome dataqw')
  const readOnly = fs.openSync(path, 'r')
  t.equal(write(readOnly, 1, 100, 9), 0)
  t.equal(answer(device.receive()).error, -9)
  t.strictSame(completions(), [4294967295, -9])
  fs.closeSync(readOnly)
  t.throws(() => write(file, 3, 0, 1), RangeError)
  t.throws(() => write(file, 0, SLOT_BYTES, 1), RangeError)
  t.throws(() => write(file, 0, -1, 1), RangeError)
})

t.test('a full disk is told as it is', async t => {
  const { device, memory, completions } = setting(t)
  const full = fs.openSync('/dev/full', 'w')
  pool.poolWrite(memory.id, device.fd, 1, 0, full, 0, 0, 0, 10, 1, true)
  t.equal(answer(device.receive()).error, -28)
  t.strictSame(completions(), [1, -28])
  fs.closeSync(full)
})

t.test('poolFsync and poolFallocate', async t => {
  const { device, memory, file, path, completions } = setting(t)
  for (const dataOnly of [false, true]) {
    t.equal(pool.poolFsync(memory.id, device.fd, 5, 0, file, dataOnly, 1, true), 0)
    t.strictSame([...device.receive()], [16, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0])
    t.strictSame(completions(), [1, 0])
  }
  t.equal(pool.poolFsync(memory.id, device.fd, 5, 0, 9999, false, 1, true), 0)
  t.equal(answer(device.receive()).error, -9)
  t.strictSame(completions(), [1, -9])
  const allocate = (mode: number): number =>
    pool.poolFallocate(memory.id, device.fd, 5, 0, file, mode, 0, 300_000, 2, true)
  t.equal(allocate(FALLOC_FL_KEEP_SIZE), 0)
  t.equal(answer(device.receive()).error, 0)
  t.strictSame(completions(), [2, 0])
  t.equal(fs.statSync(path).size, 200_000)
  t.equal(allocate(0), 0)
  device.receive()
  t.strictSame(completions(), [2, 0])
  t.equal(fs.statSync(path).size, 300_000)
  t.equal(allocate(0x80), 0)
  t.equal(answer(device.receive()).error, -95)
  t.strictSame(completions(), [2, -95])
})

t.test('poolCopyRange', async t => {
  const { device, memory, file, at, completions } = setting(t)
  const out = fs.openSync(at('out'), 'w+')
  const copy = (to: number, length: number, wide: boolean): number =>
    pool.poolCopyRange(memory.id, device.fd, 9, 0, file, 6, to, 1, length, wide, 3, true)
  t.equal(copy(out, 600, false), 0)
  let got = answer(device.receive())
  t.strictSame([got.len, got.error, got.data.readUInt32LE(0)], [24, 0, 600])
  t.strictSame(completions(), [3, 600])
  t.equal(copy(out, 2 ** 40, true), 0)
  got = answer(device.receive())
  t.strictSame([got.len, got.error, got.data.readBigUInt64LE(0)], [24, 0, 199_994n])
  t.strictSame(completions(), [3, 199_994], 'to the end of the source')
  t.equal(
    fs.readFileSync(at('out'), 'latin1'),
    '\0' + 'qwertz'.repeat(33_334).slice(6, 200_000),
  )
  t.equal(copy(9999, 5, true), 0)
  t.equal(answer(device.receive()).error, -9)
  t.strictSame(completions(), [3, -9])
  fs.closeSync(out)
})

t.test('work without an answer', async t => {
  const { memory, device, file, at, completions } = setting(t)
  const out = fs.openSync(at('out'), 'w+')
  t.equal(pool.poolCopyData(memory.id, file, out, 200_000, 1, 5), 0)
  t.strictSame(completions(), [5, 0])
  t.ok(fs.readFileSync(at('out')).equals(fs.readFileSync(at('file'))))
  t.equal(pool.poolSync(memory.id, out, 2, 6), 0)
  t.strictSame(completions(), [6, 0])
  t.equal(pool.poolSync(memory.id, 9999, 2, 6), 0)
  t.strictSame(completions(), [6, -9])
  const notice = new Uint8Array(Buffer.from('notification'))
  t.equal(pool.poolNotify(memory.id, device.fd, notice, 7), 0)
  notice.fill(0)
  t.equal(device.receive().toString(), 'notification', 'copied before the call returned')
  t.strictSame(completions(), [7, 0])
  t.equal(pool.poolNotify(memory.id, 9999, notice, 7), 0)
  t.strictSame(completions(), [7, -9])
  t.throws(() => pool.poolCopyData(memory.id, file, out, -1, 0, 1), RangeError)
  t.throws(() => pool.poolCopyData(memory.id, file, out, 1, 3, 1), RangeError)
  t.throws(() => pool.poolSync(memory.id, file, -1, 1), RangeError)
  fs.closeSync(out)
})

t.test('more completions than are taken at once', async t => {
  const { device, memory, file } = setting(t)
  const status = new Uint32Array(memory.status)
  for (let token = 1; token <= 5; token++) {
    pool.poolRead(memory.id, device.fd, 1, 0, file, 0, 1, token, true)
  }
  while (Atomics.load(status, STATUS.completions) < 5);
  const out = new Float64Array(4)
  for (const count of [2, 2, 1]) {
    t.equal(loopExchange(memory.id, -1, 0, 0, 0), 0, 'woken for those that are left')
    t.equal(pool.loopDrain(memory.id, out), count)
  }
})

t.test('completions that wake nobody', async t => {
  const { device, memory, file } = setting(t)
  const status = new Uint32Array(memory.status)
  t.equal(pool.poolRead(memory.id, device.fd, 1, 0, file, 0, 10, 1, false), 0)
  device.receive()
  while (Atomics.load(status, STATUS.completions) === 0);
  device.send('request')
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 7)
  const out = new Float64Array(3)
  t.equal(pool.loopDrain(memory.id, out), 1)
  t.strictSame([...out], [1, 10, 0])
  t.equal(status[STATUS.completions], 0)
  t.equal(pool.loopDrain(memory.id, out), 0)
  t.equal(pool.loopDrain(memory.id, new Float64Array(0)), 0)
})

t.test('many at once', async t => {
  const { device, memory, file } = setting(t, 4)
  const wanted = new Set<number>()
  const total = 2000
  let sent = 0
  let answered = 0
  const out = new Float64Array(64)
  while (wanted.size < total) {
    // The kernel's side has room for so many answers.
    while (sent < total && sent - answered < 32) {
      pool.poolRead(memory.id, device.fd, sent, 0, file, sent, 8, sent + 1, true)
      sent++
    }
    t.equal(loopExchange(memory.id, -1, 0, 0, 20_000) === 0, true)
    const count = pool.loopDrain(memory.id, out)
    for (let i = 0; i < count; i++) wanted.add(out[2 * i] ?? 0)
    while (answered < wanted.size) answered += device.receive().length / 24
  }
  t.equal(wanted.size, total, 'each token once')
})

t.test('slow jobs leave a thread free', async t => {
  const { device, memory, file, at, completions } = setting(t, 2)
  const big = fs.openSync(at('big'), 'w+')
  fs.ftruncateSync(big, 2 ** 20)
  fs.writeSync(big, Buffer.alloc(64 << 20, 'x'), 0, 64 << 20, 0)
  const outs = [1, 2, 3].map(i => fs.openSync(at(`out${i}`), 'w+'))
  for (const [i, out] of outs.entries()) {
    t.equal(pool.poolCopyData(memory.id, big, out, 64 << 20, 2, 100 + i), 0)
  }
  t.equal(pool.poolRead(memory.id, device.fd, 1, 0, file, 0, 10, 1, true), 0)
  const order: number[] = []
  while (order.length < 4) {
    const got = completions()
    for (let i = 0; i < got.length; i += 2) order.push(got[i] ?? 0)
  }
  t.ok(order.indexOf(1) <= 1, `the read ended as number ${order.indexOf(1)}`)
  t.strictSame([...order].sort(), [1, 100, 101, 102])
  for (const fd of [big, ...outs]) fs.closeSync(fd)
})

t.test('start and end', async t => {
  const before = openDescriptors()
  const memory = loopCreate(1, 8192)
  t.equal(outcome(pool.poolSync(memory.id, 0, 0, 1)), 'ESRCH', 'before the start')
  t.equal(pool.poolStart(memory.id, 3), 3)
  t.equal(pool.poolStart(memory.id, 2), 3, 'never fewer')
  t.equal((await threads(/^plyfs-data$/, 3)).length, 3)
  t.throws(() => pool.poolStart(memory.id, 65), RangeError)
  pool.poolNotify(memory.id, 9999, new Uint8Array(1), 1)
  loopExchange(memory.id, -1, 0, 0, 0)
  t.equal((await threads(/^plyfs-notify$/, 1)).length, 1)
  for (let i = 0; i < 100; i++) pool.poolSync(memory.id, 9999, 2, i)
  t.equal(loopDestroy(memory.id), 0)
  t.strictSame(await threads(/^plyfs/, 0), [], 'all of them are joined')
  t.equal(outcome(pool.poolSync(memory.id, 0, 0, 1)), 'EBADF')
  t.equal(outcome(pool.poolStart(memory.id, 1)), 'EBADF')
  t.equal(outcome(pool.loopDrain(memory.id, new Float64Array(2))), 'EBADF')
  t.strictSame(openDescriptors(), before)
})
