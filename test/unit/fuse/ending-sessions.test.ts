// The end of a connection while the pool still has work of it: what it has open stays open until that
// is over, since its descriptors may be somebody else's the next moment.
import * as fs from 'node:fs'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { MINOR_NEWEST } from '../../../src/fuse/negotiate.js'
import { type Channel, type Operations, PENDING } from '../../../src/fuse/operations.js'
import type { Request } from '../../../src/fuse/request.js'
import { ServingLoop } from '../../../src/fuse/serving-loop.js'
import { Session } from '../../../src/fuse/session.js'
import { OP } from '../../../src/fuse/abi/opcodes.js'
import { close } from '../../../src/sys/file.js'
import { socketpair } from '../../../src/sys/process.js'
import { frame, init } from './frames.js'

const wishes = {
  minor: MINOR_NEWEST,
  passthrough: false,
  maxStackDepth: 1,
  acl: false,
} as const

const ANSWERED = 0
const OVER = 1

/** A file system whose FSYNC is a job that somebody else ends. */
function slowOperations(
  steps: string[],
  onStart: () => void,
  onFsync: (job: Job) => void,
): Operations {
  let channel: Channel
  const known: Record<string, (...args: never[]) => unknown> = {
    start: (started: Channel) => {
      channel = started
      onStart()
    },
    fsync: () => {
      const job = channel.handOver({ complete: () => steps.push('the job is over') })
      onFsync(job)
      return PENDING
    },
    stop: () => steps.push('closed'),
  }
  const handler: ProxyHandler<object> = {
    get: (_target, name) =>
      name === 'isWorkDue' ? false : (known[String(name)] ?? (() => 0)),
  }
  return new Proxy({}, handler) as Operations
}

interface Job {
  readonly loop: number
  readonly token: number
}

/** Ends the connection when the job has begun, and the job some time after that. */
function startOther(shared: Int32Array, kernel: number): Worker {
  const module = new URL('../../../src/sys/pool.js', import.meta.url).href
  const file = new URL('../../../src/sys/file.js', import.meta.url).href
  const code = `
    const { parentPort, workerData: { shared, kernel } } = require('node:worker_threads')
    Promise.all([import(${JSON.stringify(module)}), import(${JSON.stringify(file)})]).then(
      ([{ loopPost }, { close }]) => {
        parentPort.postMessage('ready')
        Atomics.wait(shared, ${ANSWERED}, 0)
        close(kernel)
        // Long enough for a loop that does not wait to show it.
        Atomics.wait(shared, 4, 0, 200)
        Atomics.store(shared, ${OVER}, 1)
        loopPost(shared[5], shared[6], 0)
      })`
  return new Worker(code, { eval: true, workerData: { shared, kernel } })
}

t.test('nothing is closed under a job', async t => {
  const pair = new Int32Array(2)
  t.equal(socketpair(pair), 0)
  const [device = -1, kernel = -1] = pair
  const shared = new Int32Array(new SharedArrayBuffer(32))
  const steps: string[] = []
  // One request at a time: the socket keeps no messages apart.
  const send = ({ bytes }: Request): number => fs.writeSync(kernel, bytes)
  const operations = slowOperations(
    steps,
    () => send(frame(OP.FSYNC, 1, [0, 0, 0, 0])),
    ({ loop, token }) => {
      shared[5] = loop
      shared[6] = token
      Atomics.store(shared, ANSWERED, 1)
      Atomics.notify(shared, ANSWERED)
    },
  )
  const loop = new ServingLoop(() => undefined)
  const session = new Session(device, operations, wishes, loop, false)
  loop.add(session, () => {
    steps.push(Atomics.load(shared, OVER) === 1 ? 'ended' : 'ended too early')
  })
  const other = startOther(shared, kernel)
  await new Promise(resolve => other.once('message', resolve))
  send(init(7, MINOR_NEWEST, 0, 0))
  loop.run(() => false)
  t.same(steps, ['the job is over', 'closed', 'ended'])
  close(device)
  await other.terminate()
})
