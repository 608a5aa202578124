// Work that is given to a thread of its own: waiting for locks, unpacking layers.
import { Worker } from 'node:worker_threads'
import { FsError } from '../../errno/fs-error.js'
import { ImageError } from '../model/errors.js'
import type { FromStoreThread, StoreJob, UnpackJob, UnpackResult } from './store-job.js'
import { LastStack } from './last-stack.js'
import { unpackLayer } from './unpack-layer.js'

/** A job that has been given to the thread. */
interface Waiting {
  readonly onBytes: (count: number) => void
  readonly resolve: (result: UnpackResult | null) => void
  readonly reject: (error: Error) => void
}

/** A thread that does one job after the other. It starts when it is made, so make it early. */
export class StoreThread {
  private readonly worker: Worker
  /** In the order of their answers. */
  private readonly waiting: Waiting[] = []
  /** Why it is gone, when it is. */
  private gone: Error | null = null
  /** It runs, or has. */
  isOnline = false

  /** @param file of a thread that serves store jobs; the store's own unless told. */
  constructor(file = threadFile()) {
    this.worker = new Worker(file, { stdout: false, stderr: false })
    this.worker.on('online', () => (this.isOnline = true))
    this.worker.on('message', (message: FromStoreThread) => this.hear(message))
    this.worker.on('error', error => this.lose(error))
    this.worker.on('exit', code =>
      this.lose(new Error(`the store's thread ended with ${code}`)),
    )
  }

  /**
   * Runs one job, after those that it has been given before.
   * @throws what the job threw: an ImageError or an FsError as themselves.
   */
  run(
    job: StoreJob,
    onBytes: (count: number) => void = () => undefined,
  ): Promise<UnpackResult | null> {
    if (this.gone !== null) return Promise.reject(this.gone)
    return new Promise((resolve, reject) => {
      this.waiting.push({ onBytes, resolve, reject })
      this.worker.postMessage(job)
    })
  }

  /** Ends it, in the middle of a job too. */
  async end(): Promise<void> {
    await this.worker.terminate()
  }

  private hear(message: FromStoreThread): void {
    if (message.kind === 'bytes') {
      this.waiting[0]?.onBytes(message.count)
      return
    }
    const job = this.waiting.shift()
    if (message.kind === 'failed') job?.reject(rebuild(message))
    else {
      job?.onBytes(message.count)
      job?.resolve(message.result)
    }
  }

  private lose(error: Error): void {
    this.gone ??= error
    for (const { reject } of this.waiting.splice(0)) reject(this.gone)
  }
}

/** Bytes of a blob that is unpacked before a thread for it would have started. */
const AT_ONCE = 16 * 1024

/** A thread that is started when it is first needed, and until it runs unpacks small layers here. */
export class LateThread {
  private readonly file: URL | undefined
  private thread: StoreThread | null = null
  /** What is unpacked here lies on. */
  private readonly stacks = new LastStack()
  /** The end of the last layer that was unpacked here; null before the first. */
  private here: Promise<void> | null = null
  /** From now on the thread unpacks. */
  private isHandedOver = false

  /** @param file as for a `StoreThread`. */
  constructor(file?: URL) {
    this.file = file
  }

  start(): StoreThread {
    return (this.thread ??= new StoreThread(this.file))
  }

  /** Has it do a job that its file knows, after those before. @throws as `StoreThread.run`. */
  async run(what: unknown): Promise<void> {
    const thread = this.start()
    await this.here
    await thread.run({ kind: 'more', what })
  }

  /**
   * Decides where a layer is unpacked, of which `size` bytes are to be read.
   * @returns whether it is the first for the thread, after some that were unpacked here: those have to
   * be published before, since the thread knows them by their paths alone.
   */
  handsOver(size: number): boolean {
    if (this.isHandedOver) return false
    this.isHandedOver = size > AT_ONCE || this.thread?.isOnline === true
    return this.isHandedOver && this.here !== null
  }

  /**
   * Unpacks a layer, after those that it has been given before.
   * @throws as `StoreThread.run`.
   */
  unpack(job: UnpackJob, onBytes: (count: number) => void): Promise<UnpackResult | null> {
    const before = this.here ?? Promise.resolve()
    if (this.isHandedOver || job.size > AT_ONCE) {
      const thread = this.start()
      return before.then(() => thread.run(job, onBytes))
    }
    const result = before.then(() => unpackLayer(job, this.stacks, onBytes))
    const ended = (): void => undefined
    this.here = result.then(ended, ended)
    return result
  }

  async end(): Promise<void> {
    await this.here
    this.stacks.close()
    await this.thread?.end()
    this.thread = null
    this.isHandedOver = false
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
