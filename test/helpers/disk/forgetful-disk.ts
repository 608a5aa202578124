// A block device that forgets: a loop device on a file that a thread of the test serves by FUSE.
// It works as a disk with a volatile cache until the power is lost; then it shows what such a
// disk may have kept, as often as one likes and each time another choice.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { fileURLToPath } from 'node:url'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { errnoName } from '../../../src/errno/errno.js'
import { AT_FDCWD, MNT_DETACH, O_RDWR } from '../../../src/sys/constants.js'
import { close, ioctlNumber, openat2 } from '../../../src/sys/file.js'
import { attachLoop, type LoopDevice } from '../../../src/sys/loop.js'
import { mount, umount2 } from '../../../src/sys/mount.js'
import { freshDirectory } from '../images.js'
import { scratch } from '../isolated.js'
import { type Loss, PAGE } from './recorded-disk.js'
import type { DiskCommand, DiskReport, DiskSetup } from './serve-disk.js'

/** linux/loop.h: several requests at once, and sectors of a page. */
const LOOP_SET_DIRECT_IO = 0x4c08
const LOOP_SET_BLOCK_SIZE = 0x4c09
/** linux/fs.h: what the kernel caches of the device itself. */
const BLKFLSBUF = 0x1261

export class ForgetfulDisk {
  private readonly file: string
  private readonly loop: LoopDevice
  private readonly length: Int32Array
  private readonly port: MessagePort
  private readonly wakeFd: number
  private readonly ended: Promise<void>

  private constructor(
    file: string,
    loop: LoopDevice,
    length: Int32Array,
    port: MessagePort,
    wakeFd: number,
    ended: Promise<void>,
  ) {
    this.file = file
    this.loop = loop
    this.length = length
    this.port = port
    this.wakeFd = wakeFd
    this.ended = ended
  }

  /** A disk of zeros. */
  static async make(bytes: number): Promise<ForgetfulDisk> {
    const file = path.join(freshDirectory(scratch(), 'disk'), 'file')
    fs.writeFileSync(file, '')
    const fd = succeed(openat2(AT_FDCWD, '/dev/fuse', O_RDWR, 0, 0))
    const data = `fd=${fd},rootmode=100600,user_id=0,group_id=0`
    succeed(mount('disk', file, 'fuse.disk', 0, data))
    const length = new SharedArrayBuffer(4)
    const { port1, port2 } = new MessageChannel()
    const setup: DiskSetup = { device: fd, bytes, length, port: port2 }
    const script = fileURLToPath(new URL('./serve-disk.js', import.meta.url))
    const worker = new Worker(script, { workerData: setup, transferList: [port2] })
    const ended = new Promise<void>((resolve, reject) => {
      worker.once('error', reject)
      worker.once('exit', () => resolve())
    })
    const started = await Promise.race([heard(port1), ended])
    if (started === undefined || !('wakeFd' in started))
      throw new Error('the disk does not serve')
    const backing = succeed(openat2(AT_FDCWD, file, O_RDWR, 0, 0))
    const loop = attachLoop(backing, 'disk', false)
    if (typeof loop === 'number') throw new Error(`loop: ${errnoName(loop)}`)
    close(backing)
    succeed(ioctlNumber(loop.fd, LOOP_SET_BLOCK_SIZE, PAGE))
    succeed(ioctlNumber(loop.fd, LOOP_SET_DIRECT_IO, 1))
    const words = new Int32Array(length)
    return new ForgetfulDisk(file, loop, words, port1, started.wakeFd, ended)
  }

  /** `/dev/loopN` */
  get device(): string {
    return this.loop.path
  }

  /** Entries of the record: whatever is promised now is promised to every later loss. */
  get position(): number {
    return Atomics.load(this.length, 0)
  }

  /** What was written so far is not lost; the record begins anew. Nothing may be mounted. */
  settle(): Promise<void> {
    return this.ask({ do: 'settle' })
  }

  /** The power was lost: shows an image from now on. Nothing may be mounted. */
  lose(loss: Loss): Promise<void> {
    return this.ask({ do: 'lose', loss })
  }

  async end(): Promise<void> {
    close(this.loop.fd)
    umount2(this.file, MNT_DETACH)
    await this.ended
    this.port.close()
  }

  private async ask(command: DiskCommand): Promise<void> {
    this.port.postMessage(command)
    fs.writeSync(this.wakeFd, new Uint8Array(new BigUint64Array([1n]).buffer))
    await Promise.race([heard(this.port), this.ended])
    succeed(ioctlNumber(this.loop.fd, BLKFLSBUF, 0))
  }
}

function heard(port: MessagePort): Promise<DiskReport> {
  return new Promise(resolve => {
    port.once('message', resolve)
  })
}

function succeed(result: number): number {
  if (result < 0) throw new Error(errnoName(result))
  return result
}
