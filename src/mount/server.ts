// One mount's serving thread, as the main thread sees it: started, told what to serve, and waited
// for. A thread serves one mount. It takes some time to start, so it can be started before its mount
// is asked for.
import type { Worker } from 'node:worker_threads'
import { log } from '../log/log.js'
import type { SpanJob } from '../overlay/span-fetcher.js'
import { eventfdSignal } from '../sys/process.js'
import { spanDecoder } from './decode-spans.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import { startThread } from './start-thread.js'

/** What the serving thread says. */
export type FromServer =
  | { readonly kind: 'prepared'; readonly wakeFd: number }
  | { readonly kind: 'failed'; readonly cause: string; readonly remedy: string }
  | { readonly kind: 'serving' }
  | { readonly kind: 'attached' }
  | { readonly kind: 'decode'; readonly job: SpanJob }

/** What it is told: what to open; the device to serve, or that there is none; that the upper joins. */
export type ToServer =
  | { readonly kind: 'prepare'; readonly plan: MountPlan }
  | { readonly kind: 'serve'; readonly device: number }
  | { readonly kind: 'give-up' }
  | { readonly kind: 'attach' }

/** The serving thread and the moments of its life. */
export class Server {
  /** The layers are open. */
  readonly prepared: Promise<number>
  /** The kernel has been answered. */
  readonly serving: Promise<void>
  /** The thread has ended; 0 after an unmount. */
  readonly ended: Promise<number>
  private readonly worker: Worker
  private wakeFd = -1

  /** Has a thread open the layers. @param worker one that waits for its plan. */
  constructor(plan: MountPlan, worker = startThread()) {
    this.worker = worker
    this.prepared = this.moment('prepared')
    this.serving = this.moment('serving').then(() => undefined)
    this.ended = new Promise(resolve => {
      this.worker.on('exit', code => {
        resolve(code)
      })
      this.worker.on('error', error => {
        log.error(`the serving thread ended: ${String(error)}`, error)
      })
    })
    this.serving.catch(() => undefined)
    const decode = spanDecoder(plan.overlay.archive)
    this.worker.on('message', (message: FromServer) => {
      if (message.kind === 'decode') decode(message.job)
    })
    this.tell({ kind: 'prepare', plan })
  }

  /** Hands over the device, which is to be closed when the thread has ended. */
  serve(device: number): void {
    this.tell({ kind: 'serve', device })
  }

  /** Ends the thread's wait in the kernel, so that it looks for what it was told. */
  wake(): void {
    if (this.wakeFd >= 0) eventfdSignal(this.wakeFd)
  }

  /** Has the upper joined. */
  attach(): Promise<void> {
    const attached = this.moment('attached').then(() => undefined)
    this.tell({ kind: 'attach' })
    this.wake()
    return attached
  }

  /** Ends the thread, whatever it serves; what it has open is closed. */
  async giveUp(): Promise<void> {
    this.tell({ kind: 'give-up' })
    this.wake()
    await this.ended
  }

  private tell(message: ToServer): void {
    this.worker.postMessage(message)
  }

  /** Fulfilled when the thread says so; rejected when it fails or ends. */
  private moment(
    kind: Exclude<FromServer['kind'], 'failed' | 'decode'>,
  ): Promise<number> {
    return new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromServer) => {
        if (message.kind === 'failed')
          reject(new MountError(message.cause, message.remedy))
        if (message.kind !== kind) return
        if (message.kind === 'prepared') this.wakeFd = message.wakeFd
        resolve(this.wakeFd)
      })
      this.worker.on('error', reject)
      this.worker.on('exit', () => {
        reject(new MountError('the mount ended before it was there', 'mount it again'))
      })
    })
  }
}
