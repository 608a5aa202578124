// Credentials are the calling thread's: each step runs on a thread of its own, and this one's
// must not change.
import * as fs from 'node:fs'
import t from 'tap'
import { capget, capset, umask } from '../../src/sys/credentials.js'
import { threadStatus } from './credentials-steps.js'
import { onThread } from './on-thread.js'
import { isRoot, place } from './place.js'

const STEPS = new URL('./credentials-steps.js', import.meta.url).href

interface Steps {
  readonly before: Record<string, string>
  readonly during: Record<string, string>
  readonly after: Record<string, string>
}

t.test('credentials', { skip: isRoot() ? false : 'needs root' }, async t => {
  const { path, at } = place(t)
  fs.chmodSync(path, 0o700)
  fs.writeFileSync(at('secret'), '', { mode: 0o600 })
  process.env['TEST_CREDENTIALS'] = path
  const own = threadStatus('Uid', 'Gid', 'CapEff', 'Groups', 'Umask')

  t.test('assume and restore', async t => {
    const got = await onThread<Steps & Record<string, unknown>>(STEPS, 'assuming')
    t.strictSame(got['first'], [0, 0, '1000 1001'])
    t.equal(got.during['Uid'], '0\t0\t0\t1000')
    t.equal(got.during['Gid'], '0\t0\t0\t1001')
    t.equal(got.during['CapEff'], got.before['CapEff'], 'with all our rights')
    t.strictSame(got['second'], [0, '0 5', 0, '7 0'])
    t.equal(got['rights'], true)
    t.strictSame(got['ended'], [0, 0, '0 0'])
    t.strictSame(got.after, got.before)
  })

  t.test('with fewer capabilities', async t => {
    const got = await onThread<Steps & Record<string, unknown>>(
      STEPS,
      'assumingWithFewer',
    )
    t.strictSame(got['made'], [0, '1000 1000'])
    t.not(got.before['CapEff'], got.before['CapPrm'])
    t.equal(got.during['CapEff'], got.before['CapEff'])
    t.equal(got['restored'], 0)
    t.strictSame(got.after, got.before)
  })

  t.test('without the right to', async t => {
    const got = await onThread<Steps & Record<string, unknown>>(
      STEPS,
      'assumingWithoutRights',
    )
    t.equal(got['refused'], 'EPERM')
    t.strictSame(got.after, got.before)
    t.equal(got['made'], '0 0')
    t.equal(got['own'], 0, 'one may always be oneself')
  })

  t.test('becoming somebody else', async t => {
    const got = await onThread<Record<string, unknown>>(STEPS, 'becoming')
    t.strictSame(got['results'], [0, 0, 0, 0])
    t.match(got['now'], { Uid: '0\t33\t0\t33', Gid: '33\t33\t33\t33', Groups: /^5 6 ?$/ })
    t.equal(got['denied'], 'EACCES')
    t.equal(got['back'], 0)
    t.equal(got['made'], '0 33')
  })

  t.test('umask', async t => {
    t.strictSame(await onThread(STEPS, 'masking'), {
      results: [0, true],
      mode: 0o700,
      mask: 0o77,
    })
  })

  t.test('this thread is as it was', async t => {
    t.strictSame(threadStatus('Uid', 'Gid', 'CapEff', 'Groups', 'Umask'), own)
    const before = umask(0o22)
    t.equal(before.toString(8).padStart(4, '0'), own['Umask'])
    umask(before)
  })
})

t.test('capget and capset', async t => {
  const sets = new Uint32Array(6)
  t.equal(capget(sets), 0)
  const hex = (word: number): string =>
    ((BigInt(sets[word + 1] ?? 0) << 32n) | BigInt(sets[word] ?? 0))
      .toString(16)
      .padStart(16, '0')
  t.match(threadStatus('CapEff', 'CapPrm', 'CapInh'), {
    CapEff: hex(0),
    CapPrm: hex(2),
    CapInh: hex(4),
  })
  t.equal(capset(sets), 0, 'as they are')
  t.throws(() => capget(new Uint32Array(5)), RangeError)
  t.throws(() => capset(new Uint32Array(5)), RangeError)
})
