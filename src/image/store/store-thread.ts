// The store's thread: unpacks layers, or waits for locks, one job after the other. It answers each
// with one message at the end, whatever happens, and lives until its parent ends it.
import { parentPort } from 'node:worker_threads'
import { FsError } from '../../errno/fs-error.js'
import { flock } from '../../sys/file.js'
import { ImageError } from '../model/errors.js'
import type { FromStoreThread, StoreJob, ThreadError, UnpackResult } from './store-job.js'
import { LastStack } from './last-stack.js'
import { unpackLayer } from './unpack-layer.js'

const port = parentPort
if (port === null) throw new Error('this file is a thread of the store')
const say = (message: FromStoreThread): void => port.postMessage(message)

let last = Promise.resolve()
port.on('message', (job: StoreJob) => {
  last = last.then(() => serve(job))
})

/** Bytes that a message is worth. */
const TELL = 1024 * 1024
/** The layers below the one that was unpacked last, and that one: the next mostly lies on them. */
const stacks = new LastStack()

async function serve(job: StoreJob): Promise<void> {
  let count = 0
  const told = (bytes: number): void => {
    count += bytes
    if (count < TELL) return
    say({ kind: 'bytes', count })
    count = 0
  }
  try {
    const result = await work(job, told)
    say({ kind: 'done', result, count })
  } catch (error) {
    say({ kind: 'failed', error: describe(error) })
  }
}

async function work(
  job: StoreJob,
  onBytes: (count: number) => void,
): Promise<UnpackResult | null> {
  if (job.kind === 'unpack') return unpackLayer(job, stacks, onBytes)
  const result = flock(job.fd, job.operation)
  if (result < 0) throw new FsError(result, 'flock')
  return null
}

function describe(error: unknown): ThreadError {
  if (error instanceof ImageError)
    return {
      is: 'image',
      code: error.code,
      message: error.message,
      place: { ...error.place },
    }
  if (error instanceof FsError) {
    const { errno, syscall, path } = error
    return { is: 'system', errno, syscall, ...(path === undefined ? {} : { path }) }
  }
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { is: 'other', stack }
}
