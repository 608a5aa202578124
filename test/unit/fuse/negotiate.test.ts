// INIT: what is agreed with kernels old and new.
import t from 'tap'
import { INIT, INIT2 } from '../../../src/fuse/abi/flags.js'
import { fuse_init_out as OUT } from '../../../src/fuse/abi/structs.js'
import { negotiate, type Negotiated } from '../../../src/fuse/negotiate.js'
import { Reply } from '../../../src/fuse/reply.js'
import { init } from './frames.js'

const wishes = { minor: 45, passthrough: true, maxStackDepth: 1, acl: true }
const ALL = 0xffff_ffff

function agree(
  minor: number,
  over: Partial<typeof wishes> = {},
): [Negotiated | null, Reply] {
  const reply = new Reply(new ArrayBuffer(4096))
  return [negotiate(init(7, minor, ALL, ALL), reply, { ...wishes, ...over }), reply]
}

void t.test('the lower minor of both is spoken', async t => {
  for (const [offered, wished, expected] of [
    [45, 45, 45],
    [50, 45, 45],
    [45, 31, 31],
    [38, 45, 38],
  ] as const) {
    const [agreed, reply] = agree(offered, { minor: wished })
    t.equal(agreed?.minor, expected, `${offered} offered, ${wished} wished`)
    t.equal(reply.bytes.readUInt32LE(16 + OUT.minor), expected)
  }
})

void t.test('passthrough needs 7.40 and the wish for it', async t => {
  t.equal(agree(45)[0]?.passthrough, true)
  t.equal(agree(39)[0]?.passthrough, false)
  t.equal(agree(45, { passthrough: false })[0]?.passthrough, false)
  const depth = (over: Partial<typeof wishes>): number =>
    agree(45, over)[1].bytes.readUInt32LE(16 + OUT.max_stack_depth)
  t.equal(depth({}), 1)
  t.equal(depth({ maxStackDepth: 2 }), 2)
  t.equal(depth({ passthrough: false }), 0)
})

void t.test('what a protocol does not have is not asked for', async t => {
  const [old] = agree(31, { minor: 31 })
  t.equal(old?.flags2, 0, 'no second word of flags before 7.36')
  t.equal(
    (old?.flags ?? 0) & (INIT.HANDLE_KILLPRIV_V2 | INIT.SETXATTR_EXT | INIT.INIT_EXT),
    0,
  )
  const [now] = agree(45)
  t.not((now?.flags ?? 0) & INIT.HANDLE_KILLPRIV_V2, 0)
  t.equal((now?.flags ?? 0) & INIT.WRITEBACK_CACHE, 0, 'excluded by passthrough')
  t.not((now?.flags2 ?? 0) & INIT2.PASSTHROUGH, 0)
})

void t.test('ACLs are asked for only where they are wanted', async t => {
  t.not((agree(45)[0]?.flags ?? 0) & INIT.POSIX_ACL, 0)
  t.equal((agree(45, { acl: false })[0]?.flags ?? 0) & INIT.POSIX_ACL, 0)
})

void t.test('a newer major is answered with ours, and nothing is agreed yet', async t => {
  const reply = new Reply(new ArrayBuffer(4096))
  t.equal(negotiate(init(8, 0, ALL, ALL), reply, wishes), null)
  t.equal(reply.bytes.readUInt32LE(16 + OUT.major), 7)
})
