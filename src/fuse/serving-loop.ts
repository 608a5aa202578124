// The serving thread's loop: one native call writes a reply and fetches the next request, of
// any of its sessions. Data that can wait for a disk goes to the native pool, which answers
// the kernel itself. The loop sleeps only inside that one call.
import { E } from '../errno/errno.js'
import { log } from '../log/log.js'
import {
  loopAdd,
  loopDestroy,
  loopCreate,
  loopExchange,
  loopReadNow,
  loopRemove,
  loopReply,
  STATUS,
} from '../sys/device.js'
import { pwrite } from '../sys/file.js'
import {
  loopDrain,
  poolCopyData,
  poolCopyPart,
  poolCopyRange,
  poolFallocate,
  poolFsync,
  poolNotify,
  poolRead,
  poolStart,
  poolWrite,
} from '../sys/pool.js'
import { fuse_out_header } from './abi/structs.js'
import { Jobs } from './jobs.js'
import { type Completion, type FilePart, PENDING } from './operations.js'
import { Reply } from './reply.js'
import { Request } from './request.js'
import type { Session } from './session.js'
import { SpinPolicy } from './spin-policy.js'

/** 1 MiB of data, and the headers before it. */
const SLOT_BYTES = 1_048_576 + 4096
const SLOTS = 8
const POOL_THREADS = 4
/** Completions that wake nobody are collected once there are so many. */
const DRAIN_ABOVE = 16

export interface CopyRange {
  readonly fdIn: number
  readonly offIn: number
  readonly fdOut: number
  readonly offOut: number
  readonly length: number
  readonly wide: boolean
}

const nothing: Completion = { complete: () => undefined }

export class ServingLoop {
  readonly reply: Reply
  /** A write to this eventfd ends the loop's wait, so that `onWake` runs. */
  readonly wakeFd: number
  private readonly id: number
  private readonly status: Int32Array
  private readonly slots: Request[] = []
  private readonly slotBusy = new Uint8Array(SLOTS)
  private readonly sessions = new Map<number, Session>()
  private readonly jobs = new Jobs()
  private readonly done = new Float64Array(2 * 64)
  private slot = 0

  private readonly onWake: () => void

  /** `onWake` is called on the serving thread after a write to `wakeFd`. */
  constructor(onWake: () => void) {
    this.onWake = onWake
    const memory = loopCreate(SLOTS, SLOT_BYTES)
    this.id = memory.id
    this.wakeFd = memory.wakeFd
    this.reply = new Reply(memory.reply)
    this.status = new Int32Array(memory.status)
    for (let i = 0; i < SLOTS; i++)
      this.slots.push(new Request(memory.requests, i * SLOT_BYTES, SLOT_BYTES, i))
    poolStart(this.id, POOL_THREADS)
  }

  add(session: Session): void {
    this.sessions.set(session.device, session)
    loopAdd(this.id, session.device)
  }

  /** Serves until no session is left. */
  run(): void {
    const policy = new SpinPolicy()
    let answered = -1
    let bytes = 0
    let spin = 0
    while (this.sessions.size > 0) {
      const got = loopExchange(this.id, answered, bytes, this.slot, spin)
      policy.learn(spin > 0, this.status[STATUS.slept] !== 0)
      bytes = 0
      answered = this.status[STATUS.device] ?? -1
      if (got > 0) {
        const opcode = this.slots[this.slot]?.opcode ?? 0
        bytes = this.serve(answered)
        spin = policy.after(opcode, bytes <= fuse_out_header.size)
        bytes = this.workAhead(answered, bytes)
        if ((this.status[STATUS.completions] ?? 0) > DRAIN_ABOVE) {
          // What is told there may answer others, in the same memory.
          if (bytes > 0) this.send(answered, bytes)
          bytes = 0
          this.drain()
        }
      } else if (got === 0) {
        this.drain()
        this.onWake()
      } else {
        this.end(answered, -got)
      }
    }
    this.drainAll()
  }

  /** Writes what is in `reply` to a device outside the exchange. */
  send(device: number, bytes: number): void {
    loopReply(this.id, device, bytes)
  }

  sendFile(
    device: number,
    req: Request,
    fd: number,
    position: number,
    size: number,
    done: Completion,
  ): number {
    const sent = loopReadNow(
      this.id,
      device,
      req.uniqueLow,
      req.uniqueHigh,
      fd,
      position,
      size,
    )
    if (sent >= 0) {
      done.complete(sent)
      return PENDING
    }
    if (sent !== -E.EAGAIN) {
      done.complete(sent)
      return sent
    }
    const token = this.jobs.token(done)
    return this.submitted(
      token,
      poolRead(
        this.id,
        device,
        req.uniqueLow,
        req.uniqueHigh,
        fd,
        position,
        size,
        token,
        false,
      ),
    )
  }

  receiveFile(
    device: number,
    req: Request,
    fd: number,
    position: number,
    at: number,
    size: number,
    done: Completion,
  ): number {
    if (req.slot < 0 || !this.takeSlot(req.slot))
      return this.receiveHere(req, fd, position, at, size, done)
    const slot = req.slot
    const token = this.jobs.token({
      complete: result => {
        this.slotBusy[slot] = 0
        done.complete(result)
      },
    })
    return this.submitted(
      token,
      poolWrite(
        this.id,
        device,
        req.uniqueLow,
        req.uniqueHigh,
        fd,
        position,
        slot,
        req.offset(at),
        size,
        token,
        false,
      ),
    )
  }

  syncFile(
    device: number,
    req: Request,
    fd: number,
    dataOnly: boolean,
    done: Completion,
  ): number {
    const token = this.jobs.wakingToken(done)
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
    const token = this.jobs.wakingToken(done)
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
    const token = this.jobs.wakingToken(done)
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
    fdIn: number,
    fdOut: number,
    size: number,
    sync: number,
    done: Completion,
  ): void {
    const token = this.jobs.wakingToken(done)
    const error = poolCopyData(this.id, fdIn, fdOut, size, sync, token)
    if (error < 0) this.jobs.finish(token, error)
  }

  copyPart(part: FilePart, fdOut: number, sync: number, done: Completion): void {
    const token = this.jobs.wakingToken(done)
    const { fd, from, to, length } = part
    const error = poolCopyPart(this.id, fd, from, fdOut, to, length, sync, token)
    if (error < 0) this.jobs.finish(token, error)
  }

  handOver(done: Completion): { readonly loop: number; readonly token: number } {
    return { loop: this.id, token: this.jobs.wakingToken(done) }
  }

  notify(device: number, message: Uint8Array): void {
    const token = this.jobs.token(nothing)
    const error = poolNotify(this.id, device, message, token)
    if (error < 0) this.jobs.finish(token, error)
  }

  /** A job that the pool did not take (it is ending) is over at once, with its errno. */
  private submitted(token: number, result: number): number {
    if (result >= 0) return PENDING
    this.jobs.finish(token, result)
    return result
  }

  private serve(device: number): number {
    const session = this.sessions.get(device)
    const request = this.slots[this.slot]
    if (session === undefined || request === undefined) return 0
    const bytes = session.serve(request, this.reply)
    if (this.slotBusy[this.slot] !== 0) this.slot = this.slotBusy.indexOf(0)
    return bytes
  }

  /** Lets a file system work while its client does; returns the bytes that are still to send. */
  private workAhead(device: number, bytes: number): number {
    const session = this.sessions.get(device)
    if (session?.isWorkDue !== true) return bytes
    if (bytes > 0) this.send(device, bytes)
    session.work()
    return 0
  }

  /** Keeps a slot for the pool; false when it is the last free one. */
  private takeSlot(slot: number): boolean {
    this.slotBusy[slot] = 1
    if (!this.slotBusy.includes(0)) this.drain()
    if (!this.slotBusy.includes(0)) {
      this.slotBusy[slot] = 0
      return false
    }
    return true
  }

  /** Writes on this thread: every slot is with the pool already. */
  private receiveHere(
    req: Request,
    fd: number,
    position: number,
    at: number,
    size: number,
    done: Completion,
  ): number {
    const written = pwrite(fd, req.bytes, req.offset(at), size, position)
    done.complete(written)
    if (written < 0) return written
    this.reply.begin()
    this.reply.appendWords(written, 0)
    return 0
  }

  private drain(): void {
    for (;;) {
      const count = loopDrain(this.id, this.done)
      for (let i = 0; i < count; i++)
        this.jobs.finish(this.done[2 * i] ?? 0, this.done[2 * i + 1] ?? 0)
      if (count < this.done.length / 2) return
    }
  }

  /** Serves nobody any more: `run` returns. Who still uses a mount gets errors once its device is closed. */
  abandon(): void {
    for (const device of [...this.sessions.keys()]) this.end(device, E.ENODEV)
  }

  /** The connection is gone: ENODEV after an unmount, anything else is said. */
  private end(device: number, errno: number): void {
    if (errno !== E.ENODEV && errno !== E.ECONNABORTED)
      log.error(`the FUSE device failed with errno ${errno}`)
    const session = this.sessions.get(device)
    this.sessions.delete(device)
    loopRemove(this.id, device)
    session?.stop()
  }

  /**
   * Waits for the pool's copies and flushes; reads and writes of a connection that is gone have
   * nobody to answer, and end with the pool.
   */
  private drainAll(): void {
    while (this.jobs.waking > 0) {
      loopExchange(this.id, -1, 0, this.slot, 0)
      this.drain()
    }
    loopDestroy(this.id)
  }
}
