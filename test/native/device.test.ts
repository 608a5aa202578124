// The serving thread's loop, against a stand-in for the device.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t from 'tap'
import {
  backingClose,
  backingOpen,
  deviceClone,
  loopAdd,
  loopCreate,
  loopDestroy,
  loopExchange,
  loopReadNow,
  loopRemove,
  loopReply,
  STATUS,
} from '../../src/sys/device.js'
import { eventfdSignal } from '../../src/sys/process.js'
import {
  answer,
  fakeDevice,
  isNonBlocking,
  loop,
  reply,
  request,
  SLOT_BYTES,
  SLOTS,
} from './fake-device.js'
import { openDescriptors, outcome, place } from './place.js'

const SECOND = 1_000_000_000

t.test('memory', async t => {
  const before = openDescriptors()
  const memory = loopCreate(5, 1_000_000)
  t.equal(memory.requests.byteLength, 5_000_000)
  t.equal(memory.reply.byteLength, 1_000_000)
  t.equal(memory.status.byteLength, 64)
  t.equal(openDescriptors().length, before.length + 1)
  t.equal(loopDestroy(memory.id), 0)
  t.strictSame(openDescriptors(), before, 'the wake descriptor is closed')
  new Uint8Array(memory.requests).fill(1)
  t.pass('the memory outlives the loop')
  t.equal(outcome(loopDestroy(memory.id)), 'EBADF')
  t.equal(outcome(loopExchange(memory.id, -1, 0, 0, 0)), 'EBADF')
  t.equal(outcome(loopReply(memory.id, -1, 1)), 'EBADF')
  t.equal(outcome(loopAdd(memory.id, 0)), 'EBADF')
  t.throws(() => loopCreate(0, 100), RangeError)
  t.throws(() => loopCreate(100, 0), RangeError)
  t.throws(() => loopCreate(2 ** 20, 2 ** 20), RangeError)
})

t.test('one device', async t => {
  const device = fakeDevice(t)
  const memory = loop(t, device)
  const status = new Uint32Array(memory.status)
  t.ok(isNonBlocking(device.fd))
  device.send('first')
  t.equal(loopExchange(memory.id, -1, 0, 1, 0), 5)
  t.equal(request(memory, 1, 5), 'first')
  t.equal(status[STATUS.device], device.fd)
  t.equal(status[STATUS.slept], 0)
  device.send('second')
  t.equal(loopExchange(memory.id, device.fd, reply(memory, 'answer'), 2, SECOND), 6)
  t.equal(status[STATUS.replyErrno], 0)
  t.equal(request(memory, 2, 6), 'second')
  t.equal(request(memory, 1, 5), 'first', 'other slots are left alone')
  t.equal(device.receive().toString(), 'answer')
  t.equal(loopReply(memory.id, device.fd, reply(memory, 'more')), 0)
  t.equal(device.receive().toString(), 'more')
  t.equal(outcome(loopReply(memory.id, 9999, 1)), 'EBADF')
  device.send('x'.repeat(SLOT_BYTES))
  t.equal(loopExchange(memory.id, 9999, 4, 0, 0), SLOT_BYTES, 'a whole slot')
  t.equal(status[STATUS.replyErrno], 9, 'a reply that failed does not keep the next')
  device.unmount()
  t.equal(outcome(loopExchange(memory.id, -1, 0, 0, SECOND)), 'ENODEV')
  t.equal(status[STATUS.device], device.fd)
  t.throws(() => loopExchange(memory.id, -1, 0, SLOTS, 0), RangeError)
  t.throws(() => loopExchange(memory.id, -1, 0, -1, 0), RangeError)
  t.throws(() => loopExchange(memory.id, -1, SLOT_BYTES + 1, 0, 0), RangeError)
  t.throws(() => loopReply(memory.id, -1, -1), RangeError)
})

t.test('errors of the device', async t => {
  const { fd } = place(t)
  const memory = loop(t)
  const status = new Uint32Array(memory.status)
  t.equal(loopAdd(memory.id, fd), 0)
  t.equal(outcome(loopExchange(memory.id, -1, 0, 0, 0)), 'EISDIR')
  t.equal(status[STATUS.device], fd)
  t.equal(outcome(loopAdd(memory.id, fd)), 'EEXIST')
  t.equal(loopRemove(memory.id, fd), 0)
  t.equal(outcome(loopRemove(memory.id, fd)), 'ENOENT')
  t.equal(outcome(loopAdd(memory.id, 9999)), 'EBADF')
})

t.test('waking', async t => {
  const device = fakeDevice(t)
  const memory = loop(t, device)
  const status = new Uint32Array(memory.status)
  eventfdSignal(memory.wakeFd)
  eventfdSignal(memory.wakeFd)
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 0, 'a wake before the wait')
  t.equal(status[STATUS.slept], 1)
  eventfdSignal(memory.wakeFd)
  const before = performance.now()
  t.equal(loopExchange(memory.id, -1, 0, 0, 10 * SECOND), 0, 'a wake before the spinning')
  t.ok(performance.now() - before < 5000)
  t.equal(status[STATUS.slept], 0)
  device.send('later')
  eventfdSignal(memory.wakeFd)
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 5, 'a request that is there comes first')
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 0)
  // A loop that never waits must still hear of it.
  eventfdSignal(memory.wakeFd)
  let rounds = 0
  for (; rounds < 1000; rounds++) {
    device.send('busy')
    if (loopExchange(memory.id, -1, 0, 0, 0) === 0) break
  }
  t.ok(rounds < 100, `heard after ${rounds} requests`)
})

t.test('no device at all', async t => {
  const memory = loop(t)
  eventfdSignal(memory.wakeFd)
  t.equal(loopExchange(memory.id, -1, 0, 0, 1000), 0)
})

t.test('several devices in turn', async t => {
  const devices = [fakeDevice(t), fakeDevice(t), fakeDevice(t)]
  const memory = loop(t, ...devices)
  const status = new Uint32Array(memory.status)
  const served = new Map<number, number>()
  const total = 300
  for (const device of devices) device.send('start')
  for (let i = 0; i < total; i++) {
    t.equal(loopExchange(memory.id, -1, 0, 0, i % 2 === 0 ? 0 : SECOND) > 0, true)
    const from = status[STATUS.device] ?? -1
    served.set(from, (served.get(from) ?? 0) + 1)
    devices.find(device => device.fd === from)?.send('again')
  }
  t.strictSame(
    devices.map(device => served.get(device.fd)),
    [100, 100, 100],
    'none waits for another',
  )
  for (let i = 0; i < 3; i++) loopExchange(memory.id, -1, 0, 0, 0)
  eventfdSignal(memory.wakeFd)
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 0, 'woken')
  devices[1]?.unmount()
  t.equal(outcome(loopExchange(memory.id, -1, 0, 0, 0)), 'ENODEV')
  t.equal(status[STATUS.device], devices[1]?.fd)
  t.equal(loopRemove(memory.id, devices[1]?.fd ?? -1), 0)
  eventfdSignal(memory.wakeFd)
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 0, 'one that is removed is not served')
  devices[2]?.send('last')
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 4)
  t.equal(loopRemove(memory.id, devices[2]?.fd ?? -1), 0)
  devices[0]?.send('alone')
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 5, 'one is left')
})

t.test('an added descriptor that cannot be waited for', async t => {
  const { at } = place(t)
  fs.writeFileSync(at('file'), '')
  const device = fakeDevice(t)
  const memory = loop(t, device)
  const file = fs.openSync(at('file'), 'r')
  t.equal(loopAdd(memory.id, file), 0)
  t.equal(outcome(loopExchange(memory.id, -1, 0, 0, 0)), 'ENODEV', 'tells its error')
  loopRemove(memory.id, file)
  fs.closeSync(file)
  device.send('fine')
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 4)
})

t.test('loopReadNow', async t => {
  const { at } = place(t)
  const device = fakeDevice(t)
  const memory = loop(t, device)
  const content = Buffer.alloc(300_000, 'abcdefg')
  fs.writeFileSync(at('file'), content)
  const file = fs.openSync(at('file'), 'r')
  fs.readSync(file, Buffer.alloc(300_000))
  const now = (position: number, size: number): number =>
    loopReadNow(memory.id, device.fd, 0xfffffffe, 7, file, position, size)
  const ask = (position: number, size: number): number => {
    const got = now(position, size)
    if (got < 0) return got
    const { len, error, unique, data } = answer(device.receive())
    t.equal(len, 16 + got)
    t.equal(error, 0)
    t.equal(unique, 0x7_ffff_fffen)
    t.ok(data.equals(content.subarray(position, position + size)))
    return got
  }
  t.equal(ask(0, 4096), 4096)
  t.equal(ask(1000, 131072), 131072)
  t.equal(ask(299_000, 4096), 1000, 'short at the end')
  t.equal(ask(300_000, 4096), 0)
  t.equal(ask(2 ** 40, 4096), 0)
  t.equal(outcome(now(-1, 4096)), 'EINVAL')
  t.equal(
    outcome(loopReadNow(memory.id, device.fd, 1, 0, 9999, 0, 10)),
    'EBADF',
    'an error sends nothing',
  )
  t.equal(outcome(loopReadNow(memory.id, 9999, 1, 0, file, 0, 10)), 'EBADF')
  const pipe = fs.openSync('/proc/self/stat', 'r')
  const asked = outcome(loopReadNow(memory.id, device.fd, 1, 0, pipe, 0, 10))
  t.ok(asked === 'EAGAIN' || asked === 10, `a file that cannot say: ${asked}`)
  if (asked === 10) device.receive()
  fs.closeSync(pipe)
  t.throws(() => now(0, -1), RangeError)
  t.throws(() => now(0, 2 ** 30), RangeError)
  // What is not in memory is not waited for.
  fs.fsyncSync(file)
  execFileSync('dd', [`if=${at('file')}`, 'iflag=nocache', 'count=0', 'status=none'])
  const dropped = now(0, 300_000)
  if (dropped >= 0) device.receive()
  t.ok(dropped === -11 || dropped === 300_000, `after dropping the cache: ${dropped}`)
  device.send('next')
  t.equal(loopExchange(memory.id, -1, 0, 0, 0), 4)
  fs.closeSync(file)
})

t.test('ioctls of a descriptor that is no device', async t => {
  const { fd } = place(t)
  t.equal(outcome(backingOpen(fd, fd)), 'ENOTTY')
  t.equal(outcome(backingClose(fd, 1)), 'ENOTTY')
  t.equal(outcome(deviceClone(fd, fd)), 'ENOTTY')
  t.equal(outcome(backingOpen(9999, fd)), 'EBADF')
})
