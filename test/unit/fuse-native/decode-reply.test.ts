// What the package is told of the operations' replies.
import t from 'tap'
import { fuse_out_header } from '../../../src/fuse/abi/structs.js'
import { DirentPacker } from '../../../src/fuse/dirents.js'
import { NEVER, Reply } from '../../../src/fuse/reply.js'
import {
  addListed,
  attributesOf,
  type Listed,
  statfsOf,
} from '../../../src/fuse-native/decode-reply.js'

function reply(): Reply {
  return new Reply(new ArrayBuffer(4096))
}

/** The words of a fuse_attr, times given in seconds and nanoseconds. */
function attributes(mtime: readonly [number, number]): Uint32Array {
  const w = new Uint32Array(22)
  // ino, size and blocks are of two words each, low first.
  w.set([7, 0, 5, 1, 9, 0])
  w.set([mtime[0], Math.floor(mtime[0] / 2 ** 32)], 8)
  w[13] = mtime[1]
  w.set([0o100640, 2, 5, 60, 0x103, 4096], 15)
  return w
}

t.test('attributes', async t => {
  const r = reply()
  r.attr(NEVER, attributes([1_500_000_000, 123_999_999]))
  t.match(attributesOf(r), {
    mode: 0o100640,
    ino: 7,
    size: 2 ** 32 + 5,
    blocks: 9,
    nlink: 2,
    uid: 5,
    gid: 60,
    rdev: 0x103,
    blksize: 4096,
    mtime: 1_500_000_000_123,
    atime: 0,
  })
})

t.test('times before 1970 and after 2038', async t => {
  const r = reply()
  r.attr(NEVER, attributes([-5, 0]))
  t.equal(attributesOf(r).mtime, 0)
  r.attr(NEVER, attributes([2 ** 33, 1_000_000]))
  t.equal(attributesOf(r).mtime, 2 ** 33 * 1000 + 1)
})

t.test('listings', async t => {
  const listed: Listed = { names: [], stats: [], next: 0 }
  const r = reply()
  const pack = new DirentPacker(r, 2048)
  pack.add('.', 1, 4, 11, 0)
  pack.add('\xc3\xa9', 2 ** 40 + 3, 8, 12, 0)
  t.ok(addListed(r, listed))
  t.same(listed.names, ['.', 'é'])
  t.match(listed.stats, [
    { mode: 0o40000, ino: 11 },
    { mode: 0o100000, ino: 12 },
  ])
  t.equal(listed.next, 2 ** 40 + 3)

  const odd = reply()
  new DirentPacker(odd, 2048).add('\xff', 1, 8, 12, 0)
  t.notOk(addListed(odd, listed), 'a name that is not UTF-8')
})

t.test('filesystems of more than 2^32 blocks have larger ones', async t => {
  const filled = (blocks: number): Reply => {
    const r = reply()
    for (const value of [blocks, blocks / 2, blocks / 4, 2 ** 33, 2 ** 33 - 1])
      r.appendWords(value, value / 2 ** 32)
    r.appendWords(4096, 255, 4096)
    return r
  }
  t.equal(filled(8).length, fuse_out_header.size + 52)
  t.match(statfsOf(filled(2 ** 32 - 4)), { blocks: 2 ** 32 - 4, frsize: 4096 })
  t.match(statfsOf(filled(2 ** 32)), { blocks: 2 ** 31, frsize: 8192 })
  t.match(statfsOf(filled(2 ** 34 + 8)), {
    blocks: 2 ** 31 + 1,
    bfree: 2 ** 30,
    frsize: 32_768,
    bsize: 32_768,
    files: 2 ** 32 - 1,
    ffree: 2 ** 32 - 1,
    namemax: 255,
  })
})
