// What was handed to the pool and is not over: who is told of its end, by the token it was given.
import { log } from '../log/log.js'
import type { Completion } from './operations.js'

const LARGEST_TOKEN = 0x7fff_ffff

export class Jobs {
  /** Jobs whose end wakes the loop. */
  waking = 0
  private readonly pending = new Map<number, Completion>()
  private next = 1

  token(done: Completion): number {
    do this.next = this.next >= LARGEST_TOKEN ? 1 : this.next + 1
    while (this.pending.has(this.next))
    this.pending.set(this.next, done)
    return this.next
  }

  /** A token for a job whose end wakes the loop. */
  wakingToken(done: Completion): number {
    this.waking++
    return this.token({
      complete: result => {
        this.waking--
        done.complete(result)
      },
    })
  }

  /** The job is over; `result` is a value or -errno. Never throws. */
  finish(token: number, result: number): void {
    const job = this.pending.get(token)
    this.pending.delete(token)
    try {
      job?.complete(result)
    } catch (error) {
      log.error(`completion: ${String(error)}`, error)
    }
  }
}
