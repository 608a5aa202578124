// A serving thread that many mounts have together: a further mount costs what it shows, and no thread.
import { ServingThread } from './serving-thread.js'

export class SharedThread {
  private thread: ServingThread | null = null
  private readonly start: () => ServingThread

  constructor(start = () => new ServingThread()) {
    this.start = start
  }

  /** The thread; a new one where it has not been started, or has failed. */
  get(): ServingThread {
    if (this.thread !== null && !this.thread.hasEnded) return this.thread
    this.thread = this.start()
    this.thread.tell({ kind: 'stay', stays: true })
    return this.thread
  }

  /** Lets it end with its last mount. */
  end(): void {
    this.thread?.tell({ kind: 'stay', stays: false })
  }
}
