// An error carries its errno, its text says it for people, and toErrno finds it again.
import * as fs from 'node:fs'
import t from 'tap'
import { E, errnoName } from '../../../src/errno/errno.js'
import { describeErrno, FsError, toErrno } from '../../../src/errno/fs-error.js'

t.test('FsError', async t => {
  const error = new FsError(-E.ENOENT, 'openat2', '/x')
  t.equal(error.message, 'openat2 /x: ENOENT (No such file or directory)')
  t.equal(error.errno, 2)
  t.equal(error.code, 'ENOENT')
  t.equal(error.syscall, 'openat2')
  t.equal(error.path, '/x')
  t.equal(error.name, 'FsError')
  const bare = new FsError(E.EL2NSYNC, 'read')
  t.equal(bare.message, 'read: EL2NSYNC')
  t.equal(bare.path, undefined)
})

t.test('names', async t => {
  t.equal(errnoName(-13), 'EACCES')
  t.equal(errnoName(13), 'EACCES')
  t.equal(errnoName(4242), 'errno 4242')
  t.equal(describeErrno(-28), 'ENOSPC (No space left on device)')
  t.equal(new Set(Object.values(E)).size, Object.keys(E).length, 'one name for each')
})

t.test('toErrno', async t => {
  t.equal(toErrno(new FsError(E.EDQUOT, 'write')), 122)
  try {
    fs.openSync('/gone/for/good', 'r')
    t.fail('it is there')
  } catch (error) {
    t.equal(toErrno(error), E.ENOENT)
  }
  const odd = (errno: unknown): Error => Object.assign(new Error('odd'), { errno })
  t.equal(toErrno(odd(E.EROFS)), E.EROFS)
  for (const thrown of [
    new Error('x'),
    'ENOENT',
    undefined,
    null,
    odd('2'),
    odd(0),
    odd(-4095),
  ]) {
    t.equal(toErrno(thrown), E.EIO)
  }
  t.equal(toErrno(odd(1.5)), E.EIO)
})
