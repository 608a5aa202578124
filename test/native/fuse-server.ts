// A small FUSE server on a thread of its own, by nothing but the addon: four files of one folder,
// each served in another way. It shows that the kernel takes what the addon writes.
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { O_RDONLY, O_RDWR } from '../../src/sys/constants.js'
import * as device from '../../src/sys/device.js'
import { close, openat2 } from '../../src/sys/file.js'
import { statx } from '../../src/sys/inode.js'
import * as pool from '../../src/sys/pool.js'
import { ST, statRecords } from '../../src/sys/stat.js'
import { succeed } from './place.js'

/** How each file is served; node ids count from 2. */
export const FILES = ['now', 'pool', 'passthrough', 'clone'] as const

export interface ServerRequest {
  readonly folder: string
  readonly device: number
  /** A second descriptor of /dev/fuse, to be made a channel of the same connection. */
  readonly clone: number
}

export interface ServerReport {
  /** Requests by opcode. */
  readonly requests: Record<number, number>
  /** How often loopReadNow answered, and how often it could not. */
  readonly now: number
  readonly later: number
  readonly completions: number[]
  readonly replyErrnos: number[]
  /** What ended the loop. */
  readonly end: number
}

const OP = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  open: 14,
  read: 15,
  write: 16,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  opendir: 27,
  batchForget: 42,
  fallocate: 43,
  copyFileRange: 47,
  statx: 52,
  copyFileRange64: 53,
} as const

const SLOT_BYTES = 262_144
const HEADER = 40
const OUT = 16
const ENOENT = 2
const ENOSYS = 38
const TOKEN_NOTIFY = 1_000_000

class Server {
  readonly requests: Record<number, number> = {}
  readonly completions: number[] = []
  readonly replyErrnos: number[] = []
  now = 0
  later = 0
  readonly fds: number[]
  readonly memory = device.loopCreate(4, SLOT_BYTES)
  readonly status = new Int32Array(this.memory.status)
  readonly out = new DataView(this.memory.reply)
  readonly record = statRecords(1)
  backing = 0
  cloned = false
  slot = 0
  request: DataView = new DataView(this.memory.requests)

  readonly setup: ServerRequest

  constructor(setup: ServerRequest) {
    this.setup = setup
    this.fds = FILES.map(name =>
      succeed(openat2(-100, `${setup.folder}/${name}`, O_RDWR, 0, 0)),
    )
    succeed(device.loopAdd(this.memory.id, setup.device))
    succeed(pool.poolStart(this.memory.id, 2))
  }

  get loop(): number {
    return this.memory.id
  }

  serve(): number {
    let bytes = 0
    let from = -1
    for (;;) {
      const got = device.loopExchange(this.loop, from, bytes, this.slot, 20_000)
      const refused = this.status[device.STATUS.replyErrno] ?? 0
      if (bytes > 0 && refused !== 0) this.replyErrnos.push(refused)
      bytes = 0
      if ((this.status[device.STATUS.completions] ?? 0) > 0) this.drain()
      if (got < 0) return got
      if (got === 0) continue
      from = this.status[device.STATUS.device] ?? -1
      this.request = new DataView(this.memory.requests, this.slot * SLOT_BYTES, got)
      bytes = this.dispatch(from)
    }
  }

  drain(): void {
    const done = new Float64Array(64)
    const count = pool.loopDrain(this.loop, done)
    for (let i = 0; i < count; i++) this.completions.push(done[2 * i + 1] ?? 0)
  }

  /** The bytes of the reply; 0 when there is none, or the pool gives it. */
  dispatch(from: number): number {
    const opcode = this.request.getUint32(4, true)
    this.requests[opcode] = (this.requests[opcode] ?? 0) + 1
    const node = this.request.getUint32(16, true)
    switch (opcode) {
      case OP.init:
        return this.init()
      case OP.lookup:
        return this.lookup()
      case OP.getattr:
      case OP.setattr:
        return this.attributes(node, 104)
      case OP.statx:
        return this.statx(node)
      case OP.open:
        return this.open(node, from)
      case OP.read:
        return this.read(node, from)
      case OP.write:
        return this.write(node, from)
      case OP.fsync:
        return this.handOver(from, (unique, to) =>
          pool.poolFsync(this.loop, to, ...unique, this.fd(node), false, 1, true),
        )
      case OP.fallocate:
        return this.handOver(from, (unique, to) =>
          pool.poolFallocate(
            this.loop,
            to,
            ...unique,
            this.fd(node),
            this.request.getUint32(64, true),
            this.wide(48),
            this.wide(56),
            1,
            true,
          ),
        )
      case OP.copyFileRange64:
        return this.handOver(from, (unique, to) =>
          pool.poolCopyRange(
            this.loop,
            to,
            ...unique,
            this.fd(node),
            this.wide(48),
            this.fd(this.request.getUint32(56, true)),
            this.wide(72),
            this.wide(80),
            true,
            1,
            true,
          ),
        )
      case OP.release:
        return this.release(node, from)
      case OP.forget:
      case OP.batchForget:
        return 0
      default:
        return this.reply(ENOSYS, 0)
    }
  }

  fd(node: number): number {
    return this.fds[node - 2] ?? -1
  }

  wide(at: number): number {
    return Number(this.request.getBigUint64(at, true))
  }

  unique(): [number, number] {
    return [this.request.getUint32(8, true), this.request.getUint32(12, true)]
  }

  handOver(from: number, job: (unique: [number, number], to: number) => number): number {
    const result = job(this.unique(), from)
    return result < 0 ? this.reply(-result, 0) : 0
  }

  reply(errno: number, bytes: number): number {
    const length = errno === 0 ? OUT + bytes : OUT
    this.out.setUint32(0, length, true)
    this.out.setInt32(4, -errno, true)
    this.out.setBigUint64(8, this.request.getBigUint64(8, true), true)
    return length
  }

  zero(bytes: number): void {
    new Uint8Array(this.memory.reply, OUT, bytes).fill(0)
  }

  /** fuse_init_out: ASYNC_READ, BIG_WRITES, MAX_PAGES, INIT_EXT; PASSTHROUGH; stack depth 1. */
  init(): number {
    const words = [7, 45, 131_072, 1 | (1 << 5) | (1 << 22) | (1 << 30), 0x000c_0010]
    words.push(131_072, 1, 32, 1 << 5, 1)
    this.zero(64)
    words.forEach((word, i) => this.out.setUint32(OUT + 4 * i, word, true))
    return this.reply(0, 64)
  }

  lookup(): number {
    const bytes = new Uint8Array(this.request.buffer, this.request.byteOffset + HEADER)
    const name = Buffer.from(bytes.subarray(0, bytes.indexOf(0))).toString('latin1')
    const index = FILES.findIndex(file => file === name)
    if (index < 0) return this.reply(ENOENT, 0)
    this.zero(40)
    this.out.setUint32(OUT, index + 2, true)
    return this.attributes(index + 2, 128)
  }

  /** A stat record is a fuse_attr: it is copied to the end of the reply as it is. */
  attributes(node: number, bytes: number): number {
    const fd = node === 1 ? this.folder() : this.fd(node)
    succeed(statx(fd, '', 0x1000, this.record, 0))
    if (node === 1) close(fd)
    this.record[ST.ino] = node
    if (bytes === 104) this.zero(16)
    new Uint32Array(this.memory.reply).set(
      this.record.subarray(0, 22),
      (OUT + bytes - 88) / 4,
    )
    return this.reply(0, bytes)
  }

  folder(): number {
    return succeed(openat2(-100, this.setup.folder, O_RDONLY, 0, 0))
  }

  /** fuse_statx_out with a birth time of 1,000,000,000 s. */
  statx(node: number): number {
    succeed(statx(this.fd(node), '', 0x1000, this.record, 0))
    this.zero(288)
    const at = OUT + 32
    this.out.setUint32(at, 0xfff, true)
    this.out.setUint32(at + 16, this.record[ST.nlink] ?? 0, true)
    this.out.setUint16(at + 28, this.record[ST.mode] ?? 0, true)
    this.out.setUint32(at + 32, node, true)
    this.out.setUint32(at + 40, this.record[ST.size] ?? 0, true)
    this.out.setUint32(at + 80, 1_000_000_000, true)
    return this.reply(0, 288)
  }

  open(node: number, from: number): number {
    this.zero(16)
    if (FILES[node - 2] === 'passthrough') {
      this.backing = succeed(device.backingOpen(from, this.fd(node)))
      this.out.setUint32(OUT + 8, 1 << 7, true)
      this.out.setInt32(OUT + 12, this.backing, true)
    }
    if (FILES[node - 2] === 'clone' && !this.cloned) {
      this.cloned = true
      succeed(device.deviceClone(this.setup.clone, from))
      succeed(device.loopAdd(this.loop, this.setup.clone))
    }
    if (FILES[node - 2] === 'pool') {
      // FUSE_NOTIFY_INVAL_INODE of the node, and one that the kernel must refuse.
      const notice = new Uint32Array(10)
      notice.set([40, 2, 0, 0, node])
      succeed(
        pool.poolNotify(this.loop, from, new Uint8Array(notice.buffer), TOKEN_NOTIFY),
      )
      // A second answer to one request: the kernel knows it no more.
      this.reply(0, 16)
      succeed(device.loopReply(this.loop, from, 32))
      this.out.setUint32(OUT + 8, 1, true)
    }
    return this.reply(0, 16)
  }

  release(node: number, from: number): number {
    if (FILES[node - 2] === 'passthrough') {
      succeed(device.backingClose(from, this.backing))
    }
    return this.reply(0, 0)
  }

  read(node: number, from: number): number {
    const position = this.wide(48)
    const size = this.request.getUint32(56, true)
    const [low, high] = this.unique()
    if (FILES[node - 2] !== 'pool') {
      const got = device.loopReadNow(
        this.loop,
        from,
        low,
        high,
        this.fd(node),
        position,
        size,
      )
      if (got >= 0) this.now++
      if (got >= 0) return 0
      this.later++
    }
    return this.handOver(from, (unique, to) =>
      pool.poolRead(this.loop, to, ...unique, this.fd(node), position, size, 1, true),
    )
  }

  write(node: number, from: number): number {
    const size = this.request.getUint32(56, true)
    const slot = this.slot
    this.slot = (slot + 1) % 4
    return this.handOver(from, (unique, to) =>
      pool.poolWrite(
        this.loop,
        to,
        ...unique,
        this.fd(node),
        this.wide(48),
        slot,
        80,
        size,
        1,
        true,
      ),
    )
  }

  report(end: number): ServerReport {
    const { requests, now, later, completions, replyErrnos } = this
    return { requests, now, later, completions, replyErrnos, end }
  }
}

if (!isMainThread) {
  const server = new Server(workerData as ServerRequest)
  const end = server.serve()
  server.drain()
  succeed(device.loopDestroy(server.loop))
  for (const fd of server.fds) close(fd)
  parentPort?.postMessage(server.report(end))
}
