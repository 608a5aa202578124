// A stand-in for /dev/fuse: one end of a socket is the device a loop serves, the other is the
// kernel's side, which the test reads and writes. One message at a time, as a stream keeps none.
import * as fs from 'node:fs'
import type { Test } from 'tap'
import { O_NONBLOCK } from '../../src/sys/constants.js'
import {
  loopAdd,
  loopCreate,
  loopDestroy,
  type LoopMemory,
} from '../../src/sys/device.js'
import { close } from '../../src/sys/file.js'
import { socketpair } from '../../src/sys/process.js'
import { succeed } from './place.js'

export const SLOTS = 3
export const SLOT_BYTES = 65536

export interface Device {
  /** The descriptor that a loop serves. */
  readonly fd: number
  /** Sends a request to the server. */
  send(text: string): void
  /** What the server has answered; waits for it. */
  receive(): Buffer
  /** The kernel's side goes away. */
  unmount(): void
}

export function fakeDevice(t: Test): Device {
  const pair = new Int32Array(2)
  succeed(socketpair(pair))
  const [fd = -1, kernel = -1] = pair
  let mounted = true
  const unmount = (): void => {
    if (mounted) close(kernel)
    mounted = false
  }
  t.teardown(() => {
    unmount()
    close(fd)
  })
  return {
    fd,
    send: text => {
      fs.writeSync(kernel, text, null, 'latin1')
    },
    receive: () => {
      const room = Buffer.alloc(1 << 21)
      return Buffer.from(room.subarray(0, fs.readSync(kernel, room)))
    },
    unmount,
  }
}

/** A loop that ends with the test. */
export function loop(t: Test, ...devices: Device[]): LoopMemory {
  const memory = loopCreate(SLOTS, SLOT_BYTES)
  t.teardown(() => loopDestroy(memory.id))
  for (const device of devices) succeed(loopAdd(memory.id, device.fd))
  return memory
}

/** The text of the request in a slot. */
export function request(memory: LoopMemory, slot: number, bytes: number): string {
  return Buffer.from(memory.requests, slot * SLOT_BYTES, bytes).toString('latin1')
}

/** Puts a reply where the loop takes it from; its length. */
export function reply(memory: LoopMemory, text: string): number {
  return Buffer.from(memory.reply).write(text, 'latin1')
}

/** The length, errno and unique of a `struct fuse_out_header`, and the data behind it. */
export function answer(bytes: Buffer): {
  len: number
  error: number
  unique: bigint
  data: Buffer
} {
  return {
    len: bytes.readUInt32LE(0),
    error: bytes.readInt32LE(4),
    unique: bytes.readBigUInt64LE(8),
    data: bytes.subarray(16),
  }
}

export function isNonBlocking(fd: number): boolean {
  const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return (parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? '', 8) & O_NONBLOCK) !== 0
}
