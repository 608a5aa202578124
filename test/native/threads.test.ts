// The addon on several threads of one process at once, and what it leaves when they end: with
// the thread go its loops, their threads and descriptors.
import { spawnSync } from 'node:child_process'
import * as fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { loopCreate, loopExchange } from '../../src/sys/device.js'
import { close, openat2 } from '../../src/sys/file.js'
import { statx } from '../../src/sys/inode.js'
import { eventfdSignal } from '../../src/sys/process.js'
import { poolStart, poolSync } from '../../src/sys/pool.js'
import { ST, statRecords, statWord } from '../../src/sys/stat.js'
import { outcome, succeed, threads } from './place.js'

type Kind = 'work' | 'leave' | 'wait'

if (isMainThread) await test()
else work(workerData as Kind)

function work(kind: Kind): void {
  const memory = loopCreate(2, 65536)
  succeed(poolStart(memory.id, 2))
  const record = statRecords(1)
  if (kind === 'wait') {
    parentPort?.postMessage(memory.wakeFd)
    parentPort?.postMessage(loopExchange(memory.id, -1, 0, 0, 0))
    return
  }
  for (let i = 0; i < 5000; i++) {
    const fd = succeed(openat2(-100, '/proc/self/status', 0, 0, 0))
    succeed(statx(fd, '', 0x1000, record, 0))
    succeed(poolSync(memory.id, 9999, 2, i + 1))
    close(fd)
  }
  // `leave`: jobs are still waiting, nothing is ended by hand.
  parentPort?.postMessage(statWord(record, ST.mode))
}

async function test(): Promise<void> {
  const { default: t } = await import('tap')
  const start = (kind: Kind): Worker =>
    new Worker(fileURLToPath(import.meta.url), { workerData: kind })
  const events = (): number =>
    fs.readdirSync('/proc/self/fd').filter(name => {
      try {
        return fs.readlinkSync(`/proc/self/fd/${name}`).includes('eventfd')
      } catch {
        return false
      }
    }).length
  const ended = (worker: Worker): Promise<unknown[]> =>
    new Promise((resolve, reject) => {
      const messages: unknown[] = []
      worker.on('message', message => messages.push(message))
      worker.on('error', reject)
      worker.on('exit', () => {
        resolve(messages)
      })
    })

  t.test('many threads at once', async t => {
    await ended(start('work'))
    const before = events()
    const workers = Array.from({ length: 6 }, () => ended(start('work')))
    for (const messages of await Promise.all(workers)) t.strictSame(messages, [0o100444])
    t.strictSame(await threads(/^plyfs/, 0), [], 'their pools have ended')
    t.equal(events(), before, 'their descriptors are closed')
  })

  t.test('terminated in the middle', async t => {
    const before = events()
    const worker = start('leave')
    await new Promise(resolve => worker.once('online', resolve))
    await worker.terminate()
    t.strictSame(await threads(/^plyfs/, 0), [])
    t.equal(events(), before)
  })

  t.test('a loop of another thread', async t => {
    const worker = start('wait')
    const messages = ended(worker)
    const wakeFd = await new Promise<number>(resolve => worker.once('message', resolve))
    t.equal(eventfdSignal(wakeFd), 0)
    t.strictSame(await messages, [wakeFd, 0])
    t.equal(outcome(poolStart(9999, 1)), 'EBADF')
  })

  t.test('the exit of the process', async t => {
    const addon = new URL('../../src/sys/native.js', import.meta.url).href
    const script = `
      import { native } from ${JSON.stringify(addon)}
      const memory = native.loopCreate(2, 65536)
      native.poolStart(memory.id, 4)
      for (let i = 1; i < 1000; i++) native.poolSync(memory.id, 9999, 2, i)
      native.poolNotify(memory.id, 9999, new Uint8Array(8), 1)
      process.exitCode = 7
    `
    const { status, signal } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', script],
      { timeout: 20_000, killSignal: 'SIGKILL' },
    )
    t.strictSame([status, signal], [7, null])
  })
}
