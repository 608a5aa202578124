// One mounted connection: negotiates, dispatches, counts, and turns whatever an operation does
// into a reply. It must never throw: one place here makes an errno of everything.
import { E, errnoName } from '../errno/errno.js'
import { toErrno } from '../errno/fs-error.js'
import { log } from '../log/log.js'
import { isBeingKilled } from '../sys/proc-status.js'
import { INIT, NOTIFY } from './abi/flags.js'
import { OP, OP_LIMIT, opcodeName } from './abi/opcodes.js'
import { fuse_batch_forget_in, fuse_forget_in, fuse_forget_one } from './abi/structs.js'
import { describe } from './describe.js'
import { handlerOf } from './dispatch.js'
import {
  MAJOR,
  MINOR_OLDEST,
  negotiate,
  type Negotiated,
  type Wishes,
} from './negotiate.js'
import {
  type Channel,
  type Completion,
  type FilePart,
  type Operations,
  PENDING,
  type SessionStatistics,
} from './operations.js'
import type { Reply } from './reply.js'
import type { Request } from './request.js'
import type { ServingLoop } from './serving-loop.js'

export class Session implements Channel {
  private negotiated: Negotiated | null = null
  private dialect = { longSetxattr: false }
  private readonly counts = new Float64Array(OP_LIMIT)
  private readonly failures = new Map<number, number>()
  /** Parked requests by unique, for INTERRUPT. */
  private readonly parked = new Map<string, Request>()

  readonly device: number
  private readonly fs: Operations
  private readonly wishes: Wishes
  private readonly loop: ServingLoop
  private readonly debug: boolean

  constructor(
    device: number,
    fs: Operations,
    wishes: Wishes,
    loop: ServingLoop,
    debug: boolean,
  ) {
    this.device = device
    this.fs = fs
    this.wishes = wishes
    this.loop = loop
    this.debug = debug
  }

  /** Serves one request; returns the bytes of the reply to send, 0 for none. */
  serve(req: Request, reply: Reply): number {
    const opcode = req.opcode
    if (opcode < OP_LIMIT) this.counts[opcode] = (this.counts[opcode] ?? 0) + 1
    if (this.debug) log.debug(describe(req))
    switch (opcode) {
      case OP.FORGET:
        this.fs.forget(req.nodeid, req.u64(fuse_forget_in.nlookup))
        return 0
      case OP.BATCH_FORGET:
        this.batchForget(req)
        return 0
      case OP.INTERRUPT:
        return this.interrupt(req, reply)
      case OP.INIT:
        return this.init(req, reply)
      default:
        return this.answer(req, reply)
    }
  }

  /** Whether the file system wants to work before the next request. */
  get isWorkDue(): boolean {
    return this.fs.isWorkDue
  }

  work(): void {
    this.fs.work()
  }

  /** Nobody waits for an answer any more. */
  disconnect(): void {
    for (const request of this.parked.values()) request.interrupted = true
    this.parked.clear()
  }

  /** All is over: what the file system has open is closed. */
  stop(): void {
    this.fs.stop()
  }

  park(request: Request): Request {
    const copy = request.slot < 0 ? request : request.park()
    this.parked.set(key(copy), copy)
    return copy
  }

  resume(request: Request): void {
    if (request.interrupted) return
    this.parked.delete(key(request))
    const bytes = this.answer(request, this.loop.reply)
    if (bytes > 0) this.loop.send(this.device, bytes)
  }

  fail(request: Request, errno: number): void {
    if (request.interrupted) return
    this.parked.delete(key(request))
    const reply = this.loop.reply
    reply.begin()
    this.failures.set(errno, (this.failures.get(errno) ?? 0) + 1)
    const bytes = reply.finish(request.uniqueLow, request.uniqueHigh, -errno)
    this.loop.send(this.device, bytes)
  }

  sendFile(
    req: Request,
    fd: number,
    position: number,
    size: number,
    done: Completion,
  ): number {
    return this.loop.sendFile(this.device, req, fd, position, size, done)
  }

  receiveFile(
    req: Request,
    fd: number,
    position: number,
    at: number,
    size: number,
    done: Completion,
  ): number {
    return this.loop.receiveFile(this.device, req, fd, position, at, size, done)
  }

  syncFile(req: Request, fd: number, dataOnly: boolean, done: Completion): number {
    return this.loop.pool.syncFile(this.device, req, fd, dataOnly, done)
  }

  allocateFile(
    req: Request,
    fd: number,
    mode: number,
    offset: number,
    length: number,
    done: Completion,
  ): number {
    return this.loop.pool.allocateFile(this.device, req, fd, mode, offset, length, done)
  }

  copyRange(
    req: Request,
    fdIn: number,
    offIn: number,
    fdOut: number,
    offOut: number,
    length: number,
    wide: boolean,
    done: Completion,
  ): number {
    const range = { fdIn, offIn, fdOut, offOut, length, wide }
    return this.loop.pool.copyRange(this.device, req, range, done)
  }

  copyData(
    fdIn: number,
    fdOut: number,
    size: number,
    sync: number,
    done: Completion,
  ): void {
    this.loop.pool.copyData(this.device, fdIn, fdOut, size, sync, done)
  }

  copyPart(part: FilePart, fdOut: number, sync: number, done: Completion): void {
    this.loop.pool.copyPart(this.device, part, fdOut, sync, done)
  }

  handOver(done: Completion): { readonly loop: number; readonly token: number } {
    return this.loop.pool.handOver(this.device, done)
  }

  invalidateAttributes(nodeid: number): void {
    const { reply } = this.loop
    reply.begin()
    reply.appendWords(nodeid, nodeid / 0x1_0000_0000, 0xffff_ffff, 0xffff_ffff, 0, 0)
    this.loop.send(this.device, reply.finishNotify(NOTIFY.INVAL_INODE))
    reply.begin()
  }

  /** From another thread: the kernel may wait for pages that we have to fill. */
  invalidateContents(nodeid: number, done: Completion): void {
    const message = new Uint32Array(10)
    message.set([40, NOTIFY.INVAL_INODE, 0, 0, nodeid, nodeid / 0x1_0000_0000])
    this.loop.pool.notify(this.device, new Uint8Array(message.buffer), done)
  }

  statistics(): SessionStatistics {
    const requests: Record<string, number> = {}
    this.counts.forEach((count, opcode) => {
      if (count > 0) requests[opcodeName(opcode)] = count
    })
    const errors: Record<string, number> = {}
    for (const [errno, count] of this.failures) errors[errnoName(errno)] = count
    return { protocol: `${MAJOR}.${this.negotiated?.minor ?? 0}`, requests, errors }
  }

  private init(req: Request, reply: Reply): number {
    reply.begin()
    const agreed = negotiate(req, reply, this.wishes)
    if (agreed === null) return reply.finish(req.uniqueLow, req.uniqueHigh, 0)
    if (agreed.minor < MINOR_OLDEST) {
      log.error(
        `the kernel speaks FUSE 7.${agreed.minor}, at least 7.${MINOR_OLDEST} is needed`,
      )
      return reply.finish(req.uniqueLow, req.uniqueHigh, -E.EPROTO)
    }
    this.negotiated = agreed
    this.dialect = { longSetxattr: (agreed.flags & INIT.SETXATTR_EXT) !== 0 }
    this.fs.start(this, agreed)
    return reply.finish(req.uniqueLow, req.uniqueHigh, 0)
  }

  private answer(req: Request, reply: Reply): number {
    let result = this.attempt(req, reply)
    if (result === -E.EMFILE && this.fs.releaseDescriptors() > 0)
      result = this.attempt(req, reply)
    if (result === PENDING) return 0
    if (result < 0) this.failures.set(-result, (this.failures.get(-result) ?? 0) + 1)
    if (this.debug)
      log.debug(`  -> ${result < 0 ? errnoName(-result) : `${reply.length} bytes`}`)
    return reply.finish(req.uniqueLow, req.uniqueHigh, result)
  }

  /** Serves a request from its beginning: 0, PENDING or -errno. */
  private attempt(req: Request, reply: Reply): number {
    reply.begin()
    try {
      const handler = handlerOf(req.opcode)
      return handler === undefined
        ? -E.ENOSYS
        : handler(this.fs, req, reply, this.dialect)
    } catch (error) {
      const errno = toErrno(error)
      if (errno === E.EIO) log.error(`${describe(req)}: ${String(error)}`, error)
      return -errno
    }
  }

  private batchForget(req: Request): void {
    const count = req.u32(fuse_batch_forget_in.count)
    let at: number = fuse_batch_forget_in.size
    for (let i = 0; i < count; i++, at += fuse_forget_one.size)
      this.fs.forget(req.u64(at), req.u64(at + fuse_forget_one.nlookup))
  }

  /**
   * INTERRUPT has no reply of its own. A parked request of a thread that is being killed is
   * answered EINTR and dropped; other signals wait for the end, as they do on a disk.
   */
  private interrupt(req: Request, reply: Reply): number {
    const victim = this.parked.get(`${req.u32(4)}:${req.u32(0)}`)
    if (victim === undefined || !isBeingKilled(victim.pid)) return 0
    this.parked.delete(key(victim))
    victim.interrupted = true
    reply.begin()
    return reply.finish(victim.uniqueLow, victim.uniqueHigh, -E.EINTR)
  }
}

function key(req: Request): string {
  return `${req.uniqueHigh}:${req.uniqueLow}`
}
