// A serving thread as the main thread sees it: started, told what to serve, and heard. It takes some
// time to start, so it can be started before its first mount is asked for.
import type { Worker } from 'node:worker_threads'
import { log } from '../log/log.js'
import type { SpanJob } from '../overlay/span-fetcher.js'
import { close, dup } from '../sys/file.js'
import { eventfdSignal } from '../sys/process.js'
import type { MountPlan } from './mount-plan.js'
import { startThread } from './start-thread.js'

/** What the thread says of one of its mounts. */
export type FromMount = { readonly mount: number } & (
  | { readonly kind: 'prepared' }
  | { readonly kind: 'failed'; readonly cause: string; readonly remedy: string }
  | { readonly kind: 'serving' }
  | { readonly kind: 'attached' }
  | { readonly kind: 'decode'; readonly job: SpanJob }
  | { readonly kind: 'ended' }
)

export type FromThread = FromMount | { readonly kind: 'started'; readonly wakeFd: number }

/** What it is told: what to open; the device to serve, or that there is none; that the upper joins. */
export type ToMount = { readonly mount: number } & (
  | { readonly kind: 'prepare'; readonly plan: MountPlan }
  | { readonly kind: 'serve'; readonly device: number }
  | { readonly kind: 'give-up' }
  | { readonly kind: 'attach' }
)

/** And whether it stays when its last mount is gone; it does not unless it is told to. */
export type ToThread = ToMount | { readonly kind: 'stay'; readonly stays: boolean }

/** Who hears what becomes of a mount. */
export interface MountListener {
  hear(message: FromMount): void
  /** The thread is gone, with this status. */
  lost(status: number): void
}

export class ServingThread {
  private readonly worker: Worker
  private readonly listeners = new Map<number, MountListener>()
  private mounts = 0
  private wakeFd = -1
  private isGone = false

  /** @param worker one that waits for its first plan. */
  constructor(worker = startThread()) {
    this.worker = worker
    worker.on('message', (message: FromThread) => this.hear(message))
    worker.on('error', error => {
      log.error(`a serving thread ended: ${String(error)}`, error)
    })
    worker.on('exit', status => {
      this.isGone = true
      if (this.wakeFd >= 0) close(this.wakeFd)
      this.wakeFd = -1
      for (const listener of this.listeners.values()) listener.lost(status)
      this.listeners.clear()
    })
  }

  /** Whether nothing can be served there any more. */
  get hasEnded(): boolean {
    return this.isGone
  }

  /** A number for a mount that is to be served there; the thread ends with its last one. */
  admit(listener: MountListener): number {
    this.listeners.set(++this.mounts, listener)
    return this.mounts
  }

  tell(message: ToThread): void {
    this.worker.postMessage(message)
    this.wake()
  }

  /** Ends the thread's wait in the kernel, so that it looks for what it was told. */
  wake(): void {
    if (this.wakeFd >= 0 && !this.isGone) eventfdSignal(this.wakeFd)
  }

  private hear(message: FromThread): void {
    if (message.kind === 'started') {
      // One of our own: the thread's is closed when it ends, and its number somebody else's.
      this.wakeFd = dup(message.wakeFd)
      // What it was told before this was known.
      this.wake()
      return
    }
    const listener = this.listeners.get(message.mount)
    if (message.kind === 'ended') this.listeners.delete(message.mount)
    listener?.hear(message)
  }
}
