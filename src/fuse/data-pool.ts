// What the serving thread hands to the native pool, and is told the end of: flushes, copies, space,
// notifications.
import {
  poolCopyData,
  poolCopyPart,
  poolCopyRange,
  poolFallocate,
  poolFsync,
  poolNotify,
} from '../sys/pool.js'
import { Jobs } from './jobs.js'
import { type Completion, type FilePart, PENDING } from './operations.js'
import type { Request } from './request.js'

export interface CopyRange {
  readonly fdIn: number
  readonly offIn: number
  readonly fdOut: number
  readonly offOut: number
  readonly length: number
  readonly wide: boolean
}

export class DataPool {
  readonly jobs = new Jobs()
  private readonly id: number

  /** @param id of the loop whose pool it is. */
  constructor(id: number) {
    this.id = id
  }

  syncFile(
    device: number,
    req: Request,
    fd: number,
    dataOnly: boolean,
    done: Completion,
  ): number {
    const token = this.jobs.token(device, done)
    return this.submitted(
      token,
      poolFsync(
        this.id,
        device,
        req.uniqueLow,
        req.uniqueHigh,
        fd,
        dataOnly,
        token,
        true,
      ),
    )
  }

  allocateFile(
    device: number,
    req: Request,
    fd: number,
    mode: number,
    offset: number,
    length: number,
    done: Completion,
  ): number {
    const token = this.jobs.token(device, done)
    return this.submitted(
      token,
      poolFallocate(
        this.id,
        device,
        req.uniqueLow,
        req.uniqueHigh,
        fd,
        mode,
        offset,
        length,
        token,
        true,
      ),
    )
  }

  copyRange(device: number, req: Request, range: CopyRange, done: Completion): number {
    const token = this.jobs.token(device, done)
    return this.submitted(
      token,
      poolCopyRange(
        this.id,
        device,
        req.uniqueLow,
        req.uniqueHigh,
        range.fdIn,
        range.offIn,
        range.fdOut,
        range.offOut,
        range.length,
        range.wide,
        token,
        true,
      ),
    )
  }

  copyData(
    device: number,
    fdIn: number,
    fdOut: number,
    size: number,
    sync: number,
    done: Completion,
  ): void {
    const token = this.jobs.token(device, done)
    const error = poolCopyData(this.id, fdIn, fdOut, size, sync, token)
    if (error < 0) this.jobs.finish(token, error)
  }

  copyPart(
    device: number,
    part: FilePart,
    fdOut: number,
    sync: number,
    done: Completion,
  ): void {
    const token = this.jobs.token(device, done)
    const { fd, from, to, length } = part
    const error = poolCopyPart(this.id, fd, from, fdOut, to, length, sync, token)
    if (error < 0) this.jobs.finish(token, error)
  }

  handOver(
    device: number,
    done: Completion,
  ): { readonly loop: number; readonly token: number } {
    return { loop: this.id, token: this.jobs.token(device, done) }
  }

  notify(device: number, message: Uint8Array, done: Completion): void {
    const token = this.jobs.notice(device, done)
    const error = poolNotify(this.id, device, message, token)
    if (error < 0) this.jobs.finish(token, error)
  }

  /** A job that the pool did not take (it is ending) is over at once, with its errno. */
  submitted(token: number, result: number): number {
    if (result >= 0) return PENDING
    this.jobs.finish(token, result)
    return result
  }
}
