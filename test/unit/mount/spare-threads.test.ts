// A thread that is kept ready is nobody's yet: what becomes of it must not end the process.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { SpareThreads } from '../../../src/mount/spare-threads.js'

t.test(
  'a spare thread that fails is forgotten, and the next mount has one of its own',
  async t => {
    const started: Worker[] = []
    const start = (code: string): Worker => {
      const worker = new Worker(code, { eval: true })
      started.push(worker)
      return worker
    }
    const threads = new SpareThreads(
      () => start(''),
      () => start('throw new Error("cannot load")'),
    )
    threads.prepare()
    const [failed] = started
    if (failed === undefined) throw new Error('none was started')
    // Otherwise nothing keeps this process.
    failed.ref()
    await new Promise(resolve => failed.once('exit', resolve))
    const taken = threads.take()
    t.not(taken, failed)
    t.equal(started.length, 2)
    await once(taken, 'exit')
    await threads.end()
  },
)
