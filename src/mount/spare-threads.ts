// A serving thread that is ready before its mount is asked for: to start one takes longer than all
// the rest of a mount.
import type { Worker } from 'node:worker_threads'
import { startThread } from './start-thread.js'

export class SpareThreads {
  private spare: Worker | null = null
  private ended = false

  /** A thread that waits for its plan, and belongs to the caller from here on. */
  take(): Worker {
    const { spare } = this
    this.spare = null
    if (spare === null) return startThread()
    spare.off('exit', this.forget)
    spare.ref()
    return spare
  }

  /** Starts the next one. To be called when nobody waits. */
  prepare(): void {
    if (this.spare !== null || this.ended) return
    this.spare = startThread()
    this.spare.on('exit', this.forget)
    this.spare.unref()
  }

  async end(): Promise<void> {
    this.ended = true
    await this.spare?.terminate()
  }

  private readonly forget = (): void => {
    this.spare = null
  }
}
