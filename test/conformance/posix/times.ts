// utimensat(2): exact times, the special values, and who may set them. What operations do to
// times by themselves is in time-updates.ts.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, symlink, type Tree } from '../../helpers/tree.js'
import { alice, as, bob } from '../../helpers/users.js'
import { check, equal, fails, property } from '../property.js'

const A = 1_234_567_890_123_456_789n
const M = 1_400_000_000_999_999_999n

const tree: Tree = {
  f: file('hello', {
    atime: 1_100_000_000_111_111_111n,
    mtime: 1_200_000_000_222_222_222n,
  }),
  d: dir({ a: file('a') }, { mtime: 1_300_000_000_333_333_333n }),
  l: symlink('f', { mtime: 1_050_000_000_444_444_444n }),
  p: fifo({ mtime: 1_060_000_000_555_555_555n }),
}

const owned: Tree = {
  f: file('x', { uid: alice.uid, gid: alice.gid, mode: 0o644 }),
  w: file('x', { uid: alice.uid, gid: alice.gid, mode: 0o666 }),
}

export default property('times', it => {
  it('are kept as they were set before', { tree }, c => {
    equal(calls.stat(c.at('f')).mtime, 1_200_000_000_222_222_222n, 'mtime of the file')
    equal(calls.stat(c.at('f')).atime, 1_100_000_000_111_111_111n, 'atime of the file')
    equal(
      calls.stat(c.at('d')).mtime,
      1_300_000_000_333_333_333n,
      'mtime of the directory',
    )
    equal(calls.lstat(c.at('l')).mtime, 1_050_000_000_444_444_444n, 'mtime of the link')
    equal(calls.lstat(c.at('p')).mtime, 1_060_000_000_555_555_555n, 'mtime of the fifo')
  })

  it('to the nanosecond, of every kind', { tree }, c => {
    for (const name of ['f', 'd', 'l', 'p']) {
      calls.utimens(c.at(name), A, M, C.AT_SYMLINK_NOFOLLOW)
      const stat = calls.lstat(c.at(name))
      equal([stat.atime, stat.mtime], [A, M], `times of ${name}`)
    }
  })

  it('values from 1902 to 2400', { tree }, c => {
    for (const seconds of [
      0n,
      1n,
      -1n,
      -2_147_483_000n,
      2_147_483_647n,
      4_294_967_296n,
      13_569_465_600n,
    ]) {
      const time = seconds * 1_000_000_000n + 7n
      calls.utimens(c.at('f'), time, time)
      const stat = calls.stat(c.at('f'))
      equal([stat.atime, stat.mtime], [time, time], 'times')
    }
  })

  it('follows links unless told not to', { tree }, c => {
    calls.utimens(c.at('l'), A, M)
    equal(calls.stat(c.at('f')).mtime, M, 'mtime of the file')
    equal(calls.lstat(c.at('l')).mtime, 1_050_000_000_444_444_444n, 'mtime of the link')
  })

  it('by descriptor', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      calls.utimens([fd, ''], A, M, C.AT_EMPTY_PATH)
      equal(calls.fstat(fd).mtime, M, 'mtime')
    })
    equal(calls.stat(c.at('f')).atime, A, 'atime by name')
  })

  it('OMIT keeps one, NOW takes the clock', { tree }, c => {
    calls.utimens(c.at('f'), 'omit', M)
    equal(calls.stat(c.at('f')).atime, 1_100_000_000_111_111_111n, 'atime kept')
    equal(calls.stat(c.at('f')).mtime, M, 'mtime set')
    calls.utimens(c.at('f'), A, 'omit')
    equal([calls.stat(c.at('f')).atime, calls.stat(c.at('f')).mtime], [A, M], 'times')
    const start = BigInt(Date.now() - 1000) * 1_000_000n
    calls.utimens(c.at('f'), 'now', 'omit')
    check(calls.stat(c.at('f')).atime > start, 'atime is now')
    equal(calls.stat(c.at('f')).mtime, M, 'mtime kept')
    calls.utimens(c.at('f'), 'now', 'now')
    check(calls.stat(c.at('f')).mtime > start, 'mtime is now')
  })

  it('OMIT of both changes nothing', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.utimens(c.at('f'), 'omit', 'omit')
    equal(calls.stat(c.at('f')), before, 'everything')
  })

  it('sets the time of status', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.utimens(c.at('f'), A, M)
    check(calls.stat(c.at('f')).ctime > before.ctime, 'ctime is later')
  })

  it('stay when other attributes change', { tree }, c => {
    calls.utimens(c.at('f'), A, M)
    calls.chmod(c.at('f'), 0o600)
    calls.setxattr(c.at('f'), 'user.a', 'b')
    calls.link(c.at('f'), c.at('g'))
    calls.rename(c.at('f'), c.at('h'))
    equal(calls.stat(c.at('h')).mtime, M, 'mtime')
    equal(calls.stat(c.at('g')).atime, A, 'atime')
  })

  it('set while the file is open for writing', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    calls.write(fd, 'x')
    calls.utimens([fd, ''], A, M, C.AT_EMPTY_PATH)
    calls.close(fd)
    equal(calls.stat(c.at('f')).mtime, M, 'mtime after close')
  })

  it('who may set them', { tree: owned, needs: ['root'] }, c => {
    as(alice, () => {
      calls.utimens(c.at('f'), A, M)
      calls.utimens(c.at('f'), 'now', 'now')
    })
    as(bob, () => {
      fails('EPERM', () => calls.utimens(c.at('f'), A, M))
      fails('EACCES', () => calls.utimens(c.at('f'), 'now', 'now'))
      fails('EPERM', () => calls.utimens(c.at('f'), 'now', 'omit'))
      fails('EPERM', () => calls.utimens(c.at('w'), A, M))
      // Write permission is enough for the clock's time.
      calls.utimens(c.at('w'), 'now', 'now')
      calls.utimens(c.at('f'), 'omit', 'omit')
    })
  })

  it('of what is not there', { tree }, c => {
    fails('ENOENT', () => calls.utimens(c.at('none'), A, M))
    fails('ENOTDIR', () => calls.utimens(c.at('f', 'x'), A, M))
  })
})
