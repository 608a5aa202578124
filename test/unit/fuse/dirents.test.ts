// Directory entries on the wire: layout, padding, the limit of a reply.
import t from 'tap'
import {
  DirentPacker,
  direntPlusSize,
  direntSize,
  lookupsOf,
} from '../../../src/fuse/dirents.js'
import { Reply, validity } from '../../../src/fuse/reply.js'

const attributes = new Uint32Array(32)
attributes[0] = 0x1122_3344
attributes[1] = 0x55

void t.test('entries are packed as the kernel reads them', async t => {
  const reply = new Reply(new ArrayBuffer(4096))
  const pack = new DirentPacker(reply, 1024)
  pack.add('file', 2 ** 40 + 7, 8, 0x1122_3344, 0x55)
  const b = reply.bytes.subarray(16, reply.length)
  t.equal(b.length, direntSize(4))
  t.equal(b.readBigUInt64LE(0), 0x55_1122_3344n)
  t.equal(b.readBigUInt64LE(8), BigInt(2 ** 40 + 7))
  t.equal(b.readUInt32LE(16), 4)
  t.equal(b.readUInt32LE(20), 8)
  t.equal(b.toString('latin1', 24, 28), 'file')
  t.same([...b.subarray(28)], [0, 0, 0, 0], 'padded with zeros')
})

void t.test('the limit is kept to the byte', async t => {
  const reply = new Reply(new ArrayBuffer(4096))
  const pack = new DirentPacker(reply, direntSize(3) * 2)
  t.equal(pack.fits(3), true)
  pack.add('abc', 1, 8, 1, 0)
  t.equal(pack.fits(3), true)
  pack.add('def', 2, 8, 1, 0)
  t.equal(pack.fits(1), false)
})

void t.test(
  'the lookups of a READDIRPLUS reply are told, whatever its names',
  async t => {
    const reply = new Reply(new ArrayBuffer(4096))
    t.same([...lookupsOf(reply)], [], 'an empty one')
    const pack = new DirentPacker(reply, 4000)
    const valid = validity(1)
    pack.addBare('.', 1, 4, 7, 0)
    pack.addPlus('n', 3, 8, 33, 2, valid, valid, attributes)
    pack.addBare('..', 2, 4, 7, 0)
    pack.addPlus('a name of some length', 4, 4, 2 ** 33 + 1, 0, valid, valid, attributes)
    pack.addPlus('12345678', 5, 8, 33, 2, valid, valid, attributes)
    t.same([...lookupsOf(reply)], [33, 2 ** 33 + 1, 33])
  },
)

void t.test('READDIRPLUS carries the node before the name', async t => {
  const reply = new Reply(new ArrayBuffer(4096))
  const pack = new DirentPacker(reply, 4000)
  pack.addPlus('n', 9, 4, 33, 2, validity(1.5), validity(Infinity), attributes)
  const b = reply.bytes.subarray(16, reply.length)
  t.equal(b.length, direntPlusSize(1))
  t.equal(b.readBigUInt64LE(0), 33n, 'nodeid')
  t.equal(b.readBigUInt64LE(8), 2n, 'generation')
  t.equal(b.readBigUInt64LE(16), 1n, 'entry_valid')
  t.equal(b.readUInt32LE(32), 500_000_000, 'entry_valid_nsec')
  t.equal(b.readBigUInt64LE(24), 1_000_000_000n, 'attr_valid')
  t.equal(b.readBigUInt64LE(128), 0x55_1122_3344n, 'ino of the entry')
  t.equal(b.toString('latin1', 152, 153), 'n')
})
