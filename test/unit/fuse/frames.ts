// Requests as the kernel would write them, for tests without a mount.
import { OP } from '../../../src/fuse/abi/opcodes.js'
import { Request } from '../../../src/fuse/request.js'

/** A request with a body of 32-bit words, then names. */
export function frame(
  opcode: number,
  nodeid: number,
  words: readonly number[] = [],
  names: readonly string[] = [],
  unique = 77,
): Request {
  const tail = Buffer.from(names.map(name => `${name}\0`).join(''), 'latin1')
  const length = 40 + words.length * 4 + tail.length
  const memory = new ArrayBuffer((length + 7) & ~7)
  const bytes = Buffer.from(memory)
  bytes.writeUInt32LE(length, 0)
  bytes.writeUInt32LE(opcode, 4)
  bytes.writeBigUInt64LE(BigInt(unique), 8)
  bytes.writeBigUInt64LE(BigInt(nodeid), 16)
  bytes.writeUInt32LE(1000, 24)
  bytes.writeUInt32LE(1001, 28)
  bytes.writeUInt32LE(4242, 32)
  words.forEach((word, i) => bytes.writeUInt32LE(word >>> 0, 40 + 4 * i))
  tail.copy(bytes, 40 + 4 * words.length)
  return new Request(memory, 0, memory.byteLength, -1)
}

export function init(
  major: number,
  minor: number,
  flags: number,
  flags2: number,
): Request {
  const words = [major, minor, 131_072, flags, flags2, ...new Array<number>(11).fill(0)]
  return frame(OP.INIT, 0, words)
}
