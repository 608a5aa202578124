// Limits, prctl, eventfds, descriptors over sockets, and poll.
import * as fs from 'node:fs'
import t from 'tap'
import { PR_GET_DUMPABLE, RLIMIT_CORE, RLIMIT_NOFILE } from '../../src/sys/constants.js'
import { close } from '../../src/sys/file.js'
import * as process_ from '../../src/sys/process.js'
import { openDescriptors, outcome, place, succeed } from './place.js'

t.test('limits', async t => {
  const limits = new Float64Array(2)
  t.equal(process_.getrlimit(RLIMIT_NOFILE, limits), 0)
  const line = /Max open files\s+(\d+)\s+(\d+)/.exec(
    fs.readFileSync('/proc/self/limits', 'latin1'),
  )
  t.strictSame([...limits], [Number(line?.[1]), Number(line?.[2])])
  const [soft = 0, hard = 0] = limits
  t.equal(process_.setrlimit(RLIMIT_NOFILE, soft - 1, hard), 0)
  t.equal(process_.getrlimit(RLIMIT_NOFILE, limits), 0)
  t.strictSame([...limits], [soft - 1, hard])
  t.equal(process_.setrlimit(RLIMIT_NOFILE, soft, hard), 0)
  t.equal(outcome(process_.setrlimit(RLIMIT_NOFILE, 10, 5)), 'EINVAL')
  succeed(process_.setrlimit(RLIMIT_CORE, 0, -1))
  t.equal(process_.getrlimit(RLIMIT_CORE, limits), 0)
  t.strictSame([...limits], [0, -1], 'no limit is -1')
  t.equal(outcome(process_.getrlimit(99, limits)), 'EINVAL')
  t.throws(() => process_.getrlimit(RLIMIT_CORE, new Float64Array(1)), RangeError)
})

t.test('prctl', async t => {
  t.ok([0, 1].includes(process_.prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)))
  t.equal(outcome(process_.prctl(12345, 0, 0, 0, 0)), 'EINVAL')
})

t.test('eventfd', async t => {
  const fd = succeed(process_.eventfd(3))
  t.equal(process_.eventfdSignal(fd), 0)
  const room = Buffer.alloc(8)
  t.equal(fs.readSync(fd, room), 8)
  t.equal(room.readBigUInt64LE(), 4n)
  t.throws(() => fs.readSync(fd, room), /EAGAIN/)
  close(fd)
  t.equal(outcome(process_.eventfdSignal(fd)), 'EBADF')
})

t.test('descriptors over a socket', async t => {
  const { at } = place(t)
  fs.writeFileSync(at('file'), 'data')
  const before = openDescriptors()
  const pair = new Int32Array(2)
  t.equal(process_.socketpair(pair), 0)
  const [one = -1, two = -1] = pair
  const file = fs.openSync(at('file'), 'r')
  t.equal(process_.sendFd(one, file), 0)
  const got = succeed(process_.receiveFd(two))
  t.not(got, file)
  t.equal(fs.readFileSync(got, 'latin1'), 'data')
  t.match(
    fs.readFileSync(`/proc/self/fdinfo/${got}`, 'latin1'),
    /flags:\s*02/,
    'close-on-exec',
  )
  close(got)
  close(file)
  fs.writeSync(one, 'x')
  t.equal(outcome(process_.receiveFd(two)), 'ENODATA', 'a message without one')
  t.equal(outcome(process_.sendFd(one, 9999)), 'EBADF')
  close(one)
  t.equal(outcome(process_.receiveFd(two)), 'ENODATA', 'the end')
  t.equal(outcome(process_.sendFd(two, 0)), 'EPIPE')
  close(two)
  t.equal(outcome(process_.receiveFd(two)), 'EBADF')
  t.strictSame(openDescriptors(), before)
  t.throws(() => process_.socketpair(new Int32Array(1)), RangeError)
})

t.test('who is at the other end of a socket', async t => {
  const ends = new Int32Array(2)
  succeed(process_.socketpair(ends))
  const [one = -1, two = -1] = ends
  const peer = new Int32Array(3)
  t.equal(process_.peerCredentials(one, peer), 0)
  t.strictSame([...peer], [process.pid, process.getuid?.(), process.getgid?.()])
  t.throws(() => process_.peerCredentials(one, new Int32Array(2)), RangeError)
  close(one)
  close(two)
  t.equal(outcome(process_.peerCredentials(one, peer)), 'EBADF')
})

t.test('poll, beside the thread', async t => {
  const fd = succeed(process_.eventfd(0))
  let ready = 0
  const news = process_.pollAsync(fd, POLLIN).then(events => (ready = events))
  await new Promise(resolve => setImmediate(resolve))
  t.equal(ready, 0, 'nothing yet')
  process_.eventfdSignal(fd)
  t.equal(await news, POLLIN)
  close(fd)
  t.equal(await process_.pollAsync(fd, POLLIN), POLLNVAL, 'as poll(2) says it')
})

const POLLIN = 0x1
const POLLNVAL = 0x20
