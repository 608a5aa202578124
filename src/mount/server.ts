// One mount as it is served, by a thread of its own or one that serves others too: the moments of its
// life, and what it is told.
import { spanDecoder } from './decode-spans.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import { type FromMount, ServingThread } from './serving-thread.js'

type Moment = 'prepared' | 'serving' | 'attached'

interface Waiting {
  readonly moment: Moment
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

export class Server {
  /** The layers are open. */
  readonly prepared: Promise<void>
  /** The kernel has been answered. */
  readonly serving: Promise<void>
  /** Nothing is served any more; 0 after an unmount, else the status of the thread. */
  readonly ended: Promise<number>
  private readonly thread: ServingThread
  private readonly mount: number
  private readonly waiting = new Set<Waiting>()

  /** Has a thread open the layers. */
  constructor(plan: MountPlan, thread = new ServingThread()) {
    this.thread = thread
    const decode = spanDecoder(plan.overlay.archive)
    let resolve: (status: number) => void = () => undefined
    this.ended = new Promise(fulfil => (resolve = fulfil))
    const end = (status: number): void => {
      resolve(status)
      this.refuse(new MountError('the mount ended before it was there', 'mount it again'))
    }
    this.mount = thread.admit({
      hear: message => {
        if (message.kind === 'decode') decode(message.job)
        else if (message.kind === 'ended') end(0)
        else this.hear(message)
      },
      lost: end,
    })
    this.prepared = this.moment('prepared')
    this.serving = this.moment('serving')
    for (const moment of [this.prepared, this.serving]) moment.catch(() => undefined)
    thread.tell({ kind: 'prepare', mount: this.mount, plan })
  }

  /** Hands over the device, which is to be closed when the mount has ended. */
  serve(device: number): void {
    this.thread.tell({ kind: 'serve', mount: this.mount, device })
  }

  /** Ends the thread's wait in the kernel. */
  wake(): void {
    this.thread.wake()
  }

  /** Has the upper joined. */
  attach(): Promise<void> {
    const attached = this.moment('attached')
    this.thread.tell({ kind: 'attach', mount: this.mount })
    return attached
  }

  /** Serves it no longer, whoever uses it; what it has open is closed. */
  async giveUp(): Promise<void> {
    this.thread.tell({ kind: 'give-up', mount: this.mount })
    await this.ended
  }

  private hear(message: Exclude<FromMount, { readonly kind: 'decode' | 'ended' }>): void {
    if (message.kind === 'failed') {
      this.refuse(new MountError(message.cause, message.remedy))
      return
    }
    for (const waiting of this.waiting) {
      if (waiting.moment !== message.kind) continue
      this.waiting.delete(waiting)
      waiting.resolve()
    }
  }

  private refuse(error: Error): void {
    for (const { reject } of this.waiting) reject(error)
    this.waiting.clear()
  }

  /** Fulfilled when it has come; rejected when the mount fails or ends. */
  private moment(moment: Moment): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.add({ moment, resolve, reject })
    })
  }
}
