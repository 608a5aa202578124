// What was handed to the pool and is not over: who is told of its end, by the token it was given, and
// for which device it was.
import { log } from '../log/log.js'
import type { Completion } from './operations.js'

const LARGEST_TOKEN = 0x7fff_ffff

interface Job {
  readonly device: number
  readonly isNotice: boolean
  readonly done: Completion
}

export class Jobs {
  private readonly pending = new Map<number, Job>()
  private next = 1

  /** The token of a job that works with a device's files, or answers it. */
  token(device: number, done: Completion): number {
    return this.note({ device, isNotice: false, done })
  }

  /** The token of a notification. */
  notice(device: number, done: Completion): number {
    return this.note({ device, isNotice: true, done })
  }

  /**
   * Whether a device has jobs that are not over. Looks at each there is: for devices that end.
   * @param notices notifications count too.
   */
  hasAny(device: number, notices: boolean): boolean {
    for (const job of this.pending.values())
      if (job.device === device && (notices || !job.isNotice)) return true
    return false
  }

  /** The job is over; `result` is a value or -errno. Never throws. */
  finish(token: number, result: number): void {
    const job = this.pending.get(token)
    this.pending.delete(token)
    try {
      job?.done.complete(result)
    } catch (error) {
      log.error(`completion: ${String(error)}`, error)
    }
  }

  private note(job: Job): number {
    do this.next = this.next >= LARGEST_TOKEN ? 1 : this.next + 1
    while (this.pending.has(this.next))
    this.pending.set(this.next, job)
    return this.next
  }
}
