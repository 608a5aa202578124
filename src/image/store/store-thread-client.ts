// Work that is given to a thread of its own: waiting for locks, unpacking layers.
import { Worker } from 'node:worker_threads'
import { FsError } from '../../errno/fs-error.js'
import { ImageError } from '../model/errors.js'
import type { FromStoreThread, StoreJob, UnpackResult } from './store-job.js'

/** A thread that does one job after the other. It starts when it is made, so make it early. */
export class StoreThread {
  private readonly worker: Worker
  private answer: ((message: FromStoreThread) => void) | null = null
  private fail: ((error: Error) => void) | null = null
  /** Why it is gone, when it is. */
  private gone: Error | null = null

  constructor() {
    this.worker = new Worker(threadFile(), { stdout: false, stderr: false })
    this.worker.on('message', (message: FromStoreThread) => this.answer?.(message))
    this.worker.on('error', error => this.lose(error))
    this.worker.on('exit', code =>
      this.lose(new Error(`the store's thread ended with ${code}`)),
    )
  }

  /**
   * Runs one job; one at a time.
   * @throws what the job threw: an ImageError or an FsError as themselves.
   */
  async run(
    job: StoreJob,
    onBytes: (count: number) => void = () => undefined,
  ): Promise<UnpackResult | null> {
    if (this.gone !== null) throw this.gone
    if (this.answer !== null) throw new Error('the thread has a job already')
    try {
      return await new Promise((resolve, reject) => {
        this.fail = reject
        this.answer = message => {
          if (message.kind === 'bytes') onBytes(message.count)
          else if (message.kind === 'done') {
            onBytes(message.count)
            resolve(message.result)
          } else reject(rebuild(message))
        }
        this.worker.postMessage(job)
      })
    } finally {
      this.answer = null
      this.fail = null
    }
  }

  /** Ends it, in the middle of a job too. */
  async end(): Promise<void> {
    await this.worker.terminate()
  }

  private lose(error: Error): void {
    this.gone ??= error
    this.fail?.(this.gone)
  }
}

/** A thread that is started when it is first needed. */
export class LateThread {
  private thread: StoreThread | null = null

  start(): StoreThread {
    return (this.thread ??= new StoreThread())
  }

  async end(): Promise<void> {
    await this.thread?.end()
    this.thread = null
  }
}

/** Runs one job on a thread that ends with it. */
export async function runOnThread(job: StoreJob): Promise<void> {
  const thread = new StoreThread()
  try {
    await thread.run(job)
  } finally {
    await thread.end()
  }
}

/** An error crosses threads as a plain one; the caller decides by its class. */
function rebuild(message: Extract<FromStoreThread, { kind: 'failed' }>): Error {
  const { error } = message
  if (error.is === 'image')
    return new ImageError(error.code, error.message, error.place, undefined)
  if (error.is === 'system') return new FsError(error.errno, error.syscall, error.path)
  return new Error(error.stack)
}

function threadFile(): URL {
  // Every bundle has the thread's beside it.
  const bundled = !import.meta.url.includes('/store-thread-client.')
  return new URL(bundled ? './store.js' : './store-thread.js', import.meta.url)
}
