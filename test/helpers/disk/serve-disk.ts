// The thread that serves a recorded disk as the one file of a FUSE mount, whose root it is. A
// request is answered only when no other one waits: so it is known which writes were under way
// when a flush came, and those the flush does not promise.
import * as fs from 'node:fs'
import { isMainThread, type MessagePort, workerData } from 'node:worker_threads'
import { receiveMessageOnPort } from 'node:worker_threads'
import { E, errnoName } from '../../../src/errno/errno.js'
import { FOPEN } from '../../../src/fuse/abi/flags.js'
import { OP } from '../../../src/fuse/abi/opcodes.js'
import { fuse_read_in, fuse_write_in } from '../../../src/fuse/abi/structs.js'
import { negotiate } from '../../../src/fuse/negotiate.js'
import { NEVER, Reply } from '../../../src/fuse/reply.js'
import { Request } from '../../../src/fuse/request.js'
import { S_IFREG } from '../../../src/sys/constants.js'
import * as device from '../../../src/sys/device.js'
import { close } from '../../../src/sys/file.js'
import { ST, STAT_WORDS } from '../../../src/sys/stat.js'
import { type Loss, PAGE, RecordedDisk, type Written } from './recorded-disk.js'

export interface DiskSetup {
  /** A descriptor of /dev/fuse. */
  readonly device: number
  readonly bytes: number
  /** One word: the length of the record, for who wants to know when something was done. */
  readonly length: SharedArrayBuffer
  readonly port: MessagePort
}

export type DiskCommand = { readonly do: 'settle' } | { readonly do: 'lose'; loss: Loss }

/** What the server tells: it serves and may be woken by this descriptor, or a command is done. */
export type DiskReport = { readonly wakeFd: number } | { readonly done: true }

const SLOT_BYTES = 1_048_576 + 4096
const WISHES = { minor: 45, passthrough: false, maxStackDepth: 0, acl: false }
const ONE = new Uint8Array(new BigUint64Array([1n]).buffer)

/** Accepted, and not answered yet. */
interface Waiting {
  readonly uniqueLow: number
  readonly uniqueHigh: number
  /** Fills the reply. */
  readonly answer: () => void
}

class DiskServer {
  private readonly disk = new RecordedDisk()
  private readonly memory = device.loopCreate(1, SLOT_BYTES)
  private readonly request = new Request(this.memory.requests, 0, SLOT_BYTES, 0)
  private readonly reply = new Reply(this.memory.reply)
  private readonly attributes = new Uint32Array(STAT_WORDS)
  private readonly length: Int32Array
  private readonly waiting: Waiting[] = []

  private readonly setup: DiskSetup

  constructor(setup: DiskSetup) {
    this.setup = setup
    this.length = new Int32Array(setup.length)
    this.attributes[ST.mode] = S_IFREG | 0o600
    this.attributes[ST.nlink] = 1
    this.attributes[ST.blksize] = PAGE
    this.attributes[ST.size] = setup.bytes
    device.loopAdd(this.memory.id, setup.device)
    this.tell({ wakeFd: this.memory.wakeFd })
  }

  /** Serves until the mount is gone. */
  serve(): void {
    for (;;) {
      // Where nothing is left to fetch, the wake-up ends the wait for it.
      if (this.waiting.length > 0) fs.writeSync(this.memory.wakeFd, ONE)
      const got = device.loopExchange(this.memory.id, -1, 0, 0, 0)
      if (got === -E.ENODEV) return
      if (got < 0) throw new Error(errnoName(got))
      if (got > 0) this.accept()
      else if (this.waiting.length > 0) this.answerOldest()
      else this.obey()
      Atomics.store(this.length, 0, this.disk.length)
    }
  }

  private accept(): void {
    const { request } = this
    switch (request.opcode) {
      case OP.WRITE:
        this.write()
        break
      case OP.READ:
        this.read()
        break
      case OP.FSYNC:
        this.disk.flush()
        this.later(() => undefined)
        break
      case OP.FORGET:
      case OP.BATCH_FORGET:
      case OP.INTERRUPT:
        break
      default:
        this.reply.begin()
        this.send(request.uniqueLow, request.uniqueHigh, this.now())
    }
  }

  /** What the disk has nothing to do with: 0, or -errno. */
  private now(): number {
    const { request, reply } = this
    switch (request.opcode) {
      case OP.INIT:
        negotiate(request, reply, WISHES)
        return 0
      case OP.GETATTR:
      case OP.SETATTR:
        reply.attr(NEVER, this.attributes)
        return 0
      case OP.OPEN:
        // The record needs each request as the block device makes it.
        reply.open(0, FOPEN.DIRECT_IO | FOPEN.PARALLEL_DIRECT_WRITES, 0)
        return 0
      case OP.RELEASE:
        return 0
      default:
        return -E.ENOSYS
    }
  }

  private write(): void {
    const { request, disk } = this
    const offset = request.u64(fuse_write_in.offset)
    const size = request.u32(fuse_write_in.size_)
    if (offset % PAGE !== 0 || size % PAGE !== 0)
      throw new Error(`a write of ${size} bytes at ${offset}`)
    const bytes = Buffer.from(request.data(fuse_write_in.size, size))
    const written: Written = disk.write(offset, bytes)
    this.later(() => {
      disk.answer(written)
      this.reply.appendWords(size, 0)
    })
  }

  private read(): void {
    const offset = this.request.u64(fuse_read_in.offset)
    const size = this.request.u32(fuse_read_in.size_)
    this.later(() => {
      const { reply } = this
      this.disk.read(offset, reply.bytes.subarray(reply.length, reply.length + size))
      reply.length += size
    })
  }

  private later(answer: () => void): void {
    const { uniqueLow, uniqueHigh } = this.request
    this.waiting.push({ uniqueLow, uniqueHigh, answer })
  }

  private answerOldest(): void {
    const oldest = this.waiting.shift()
    if (oldest === undefined) return
    this.reply.begin()
    oldest.answer()
    this.send(oldest.uniqueLow, oldest.uniqueHigh, 0)
  }

  private send(uniqueLow: number, uniqueHigh: number, error: number): void {
    const bytes = this.reply.finish(uniqueLow, uniqueHigh, error)
    device.loopReply(this.memory.id, this.setup.device, bytes)
  }

  private obey(): void {
    for (;;) {
      const message = receiveMessageOnPort(this.setup.port)
      if (message === undefined) return
      const command = message.message as DiskCommand
      if (command.do === 'settle') this.disk.settle()
      else this.disk.lose(command.loss)
      this.tell({ done: true })
    }
  }

  private tell(report: DiskReport): void {
    this.setup.port.postMessage(report)
  }
}

if (!isMainThread) {
  const setup = workerData as DiskSetup
  try {
    new DiskServer(setup).serve()
  } finally {
    // With the last descriptor the connection ends: whoever waits for an answer gets an error.
    close(setup.device)
    setup.port.close()
  }
}
