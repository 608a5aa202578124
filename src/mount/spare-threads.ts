// A serving thread that is ready before its mount is asked for: to start one takes longer than all
// the rest of a mount.
import type { Worker } from 'node:worker_threads'
import { log } from '../log/log.js'
import { startSpareThread, startThread } from './start-thread.js'

export class SpareThreads {
  private spare: Worker | null = null
  private ended = false
  private readonly start: () => Worker
  private readonly startSpare: () => Worker

  constructor(start: () => Worker = startThread, startSpare = startSpareThread) {
    this.start = start
    this.startSpare = startSpare
  }

  /** A thread that waits for its plan, and belongs to the caller from here on. */
  take(): Worker {
    const { spare } = this
    this.spare = null
    if (spare === null) return this.start()
    spare.off('exit', this.forget)
    spare.off('error', this.complain)
    spare.ref()
    return spare
  }

  /** Starts the next one. To be called when nobody waits. */
  prepare(): void {
    if (this.spare !== null || this.ended) return
    this.spare = this.startSpare()
    this.spare.on('exit', this.forget)
    this.spare.on('error', this.complain)
    this.spare.unref()
  }

  async end(): Promise<void> {
    this.ended = true
    await this.spare?.terminate()
  }

  private readonly forget = (): void => {
    this.spare = null
  }

  /** A mount that was not asked for yet is nobody's loss; the next one starts its own. */
  private readonly complain = (error: unknown): void => {
    log.error(`a serving thread could not start: ${String(error)}`, error)
  }
}
