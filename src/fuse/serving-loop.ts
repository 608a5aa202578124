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
  loopWakeAlways,
  poolForgetNotices,
  poolRead,
  poolStart,
  poolWrite,
} from '../sys/pool.js'
import { fuse_out_header } from './abi/structs.js'
import { DataPool } from './data-pool.js'
import { type Completion, PENDING } from './operations.js'
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

/** A session, and who is told that it has ended. */
interface Served {
  readonly session: Session
  readonly ended: () => void
  /** Its connection is gone, and with it whatever a notification could wait for. */
  isGone: boolean
}

export class ServingLoop {
  readonly reply: Reply
  /** A write to this eventfd ends the loop's wait, so that `onWake` runs. */
  readonly wakeFd: number
  private readonly id: number
  private readonly status: Int32Array
  private readonly slots: Request[] = []
  private readonly slotBusy = new Uint8Array(SLOTS)
  private readonly sessions = new Map<number, Served>()
  /** Whose requests are over, while jobs of theirs are not. */
  private readonly ending = new Map<number, Served>()
  readonly pool: DataPool
  private readonly done = new Float64Array(2 * 64)
  private slot = 0

  private readonly onWake: () => void

  /** `onWake` is called on the serving thread after a write to `wakeFd`. */
  constructor(onWake: () => void) {
    this.onWake = onWake
    const memory = loopCreate(SLOTS, SLOT_BYTES)
    this.id = memory.id
    this.pool = new DataPool(memory.id)
    this.wakeFd = memory.wakeFd
    this.reply = new Reply(memory.reply)
    this.status = new Int32Array(memory.status)
    for (let i = 0; i < SLOTS; i++)
      this.slots.push(new Request(memory.requests, i * SLOT_BYTES, SLOT_BYTES, i))
    poolStart(this.id, POOL_THREADS)
  }

  /**
   * Serves a session too.
   * @param ended called when nothing of it is left to be done: its device may be closed then, and no
   * sooner, since a thread of the pool may be about to use it.
   */
  add(session: Session, ended: () => void): void {
    this.sessions.set(session.device, { session, ended, isGone: false })
    loopAdd(this.id, session.device)
  }

  /** Serves until no session is left, and `isExpected` says that none is to come. */
  run(isExpected: () => boolean): void {
    const policy = new SpinPolicy()
    let answered = -1
    let bytes = 0
    let spin = 0
    while (this.sessions.size > 0 || this.ending.size > 0 || isExpected()) {
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
        this.connectionEnds(answered, -got)
      }
    }
    loopDestroy(this.id)
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
    const token = this.pool.jobs.token(device, done)
    return this.pool.submitted(
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
    const token = this.pool.jobs.token(device, {
      complete: result => {
        this.slotBusy[slot] = 0
        done.complete(result)
      },
    })
    return this.pool.submitted(
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

  private serve(device: number): number {
    const session = this.sessions.get(device)?.session
    const request = this.slots[this.slot]
    if (session === undefined || request === undefined) return 0
    const bytes = session.serve(request, this.reply)
    if (this.slotBusy[this.slot] !== 0) this.slot = this.slotBusy.indexOf(0)
    return bytes
  }

  /** Lets a file system work while its client does; returns the bytes that are still to send. */
  private workAhead(device: number, bytes: number): number {
    const session = this.sessions.get(device)?.session
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
        this.pool.jobs.finish(this.done[2 * i] ?? 0, this.done[2 * i + 1] ?? 0)
      if (count < this.done.length / 2) break
    }
    if (this.ending.size > 0) this.settle()
  }

  /** Serves a device no longer. Who still uses its mount gets errors once it is closed. */
  abandon(device: number): void {
    poolForgetNotices(this.id, device)
    this.end(device)
  }

  /** ENODEV after an unmount, ECONNABORTED after an abort; anything else is said. */
  private connectionEnds(device: number, errno: number): void {
    if (errno !== E.ENODEV && errno !== E.ECONNABORTED)
      log.error(`the FUSE device failed with errno ${errno}`)
    const served = this.sessions.get(device)
    if (served !== undefined) served.isGone = true
    this.end(device)
  }

  /** No request of it is taken any more; it has ended once its jobs are over. */
  private end(device: number): void {
    const served = this.sessions.get(device)
    if (served === undefined) return
    this.sessions.delete(device)
    loopRemove(this.id, device)
    served.session.disconnect()
    this.ending.set(device, served)
    loopWakeAlways(this.id, true)
    this.drain()
  }

  /**
   * Ends the sessions whose jobs are over. A notification is not waited for while the connection
   * stands: the kernel may hold it until the device is closed.
   */
  private settle(): void {
    for (const [device, { session, ended, isGone }] of [...this.ending]) {
      if (this.pool.jobs.hasAny(device, isGone)) continue
      this.ending.delete(device)
      session.stop()
      ended()
    }
    if (this.ending.size === 0) loopWakeAlways(this.id, false)
  }
}
