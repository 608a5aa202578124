// What a thread of the store does: unpacks layers, or waits for locks, one job after the other. It
// answers each with one message at the end, whatever happens, and lives until its parent ends it.
import type { MessagePort } from 'node:worker_threads'
import { FsError } from '../../errno/fs-error.js'
import { flock } from '../../sys/file.js'
import { ImageError } from '../model/errors.js'
import type { FromStoreThread, StoreJob, ThreadError, UnpackResult } from './store-job.js'
import { LastStack } from './last-stack.js'
import { unpackLayer } from './unpack-layer.js'

/** Bytes that a message is worth. */
const TELL = 1024 * 1024
/** The layers below the one that was unpacked last, and that one: the next mostly lies on them. */
const stacks = new LastStack()

/**
 * Serves until the parent ends the thread.
 * @param more what a job of the thread's own is given to; what it throws is told.
 */
export function serveStoreJobs(
  port: MessagePort,
  more: (what: unknown) => void = refuse,
): void {
  let last = Promise.resolve()
  port.on('message', (job: StoreJob) => {
    last = last.then(() => serve(port, job, more))
  })
}

function refuse(): never {
  throw new Error('this thread has no jobs of its own')
}

async function serve(
  port: MessagePort,
  job: StoreJob,
  more: (what: unknown) => void,
): Promise<void> {
  const say = (message: FromStoreThread): void => port.postMessage(message)
  let count = 0
  const told = (bytes: number): void => {
    count += bytes
    if (count < TELL) return
    say({ kind: 'bytes', count })
    count = 0
  }
  try {
    const result = await work(job, told, more)
    say({ kind: 'done', result, count })
  } catch (error) {
    say({ kind: 'failed', error: describe(error) })
  }
}

async function work(
  job: StoreJob,
  onBytes: (count: number) => void,
  more: (what: unknown) => void,
): Promise<UnpackResult | null> {
  if (job.kind === 'unpack') return unpackLayer(job, stacks, onBytes)
  if (job.kind === 'more') {
    more(job.what)
    return null
  }
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
