// Namespaces of one thread: what a worker unshares is its own.
import * as fs from 'node:fs'
import t from 'tap'
import { CLONE_NEWNS } from '../../src/sys/constants.js'
import { close, openat2 } from '../../src/sys/file.js'
import { setns } from '../../src/sys/namespace.js'
import { onThread } from './on-thread.js'
import { isRoot, outcome, succeed } from './place.js'

const STEPS = new URL('./namespace-steps.js', import.meta.url).href

t.test('unshare and setns', { skip: isRoot() ? false : 'needs root' }, async t => {
  const own = fs.readlinkSync('/proc/thread-self/ns/mnt')
  const got = await onThread<Record<string, unknown>>(STEPS, 'moving')
  t.equal(got['shared'], 'EINVAL', 'the kernel wants the root unshared first')
  t.strictSame(got['results'], [0, 0, 0])
  t.equal(got['first'], own)
  t.not(got['second'], own)
  t.equal(got['third'], own)
  t.equal(fs.readlinkSync('/proc/thread-self/ns/mnt'), own)
})

t.test('errors', async t => {
  t.equal(outcome(setns(9999, CLONE_NEWNS)), 'EBADF')
  const file = succeed(openat2(-100, '/proc/self/stat', 0, 0, 0))
  t.equal(outcome(setns(file, CLONE_NEWNS)), 'EINVAL')
  close(file)
})
