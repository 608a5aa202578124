// What one change leaves alone: contents, owner, mode, times, attributes, ACLs. On files of a
// lower layer the change is a copy-up, which must carry all of it over.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import {
  character,
  dir,
  fifo,
  file,
  socket,
  symlink,
  type Tree,
} from '../../helpers/tree.js'
import { check, equal, property, type Context } from '../property.js'
import { pattern } from './read-write.js'

const A = 1_100_000_000_111_111_111n
const M = 1_200_000_000_222_222_222n
const DATA = pattern(70_001).toString('latin1')
const LARGE = 'L'.repeat(60_000)

/** u::rwx,u:3002:r-x,g::r-x,m::rwx,o::--- as acl(5)'s attribute. */
const ACL = Buffer.from(
  '02000000' +
    '01000700ffffffff' +
    '02000500ba0b0000' +
    '04000500ffffffff' +
    '10000700ffffffff' +
    '20000000ffffffff',
  'hex',
).toString('latin1')

const plain: Tree = {
  f: file(DATA, {
    mode: 0o751,
    atime: A,
    mtime: M,
    xattrs: { 'user.a': 'value of a', 'user.b\xff': '\0\xff', 'user.empty': '' },
  }),
  d: dir(
    { in: file('i') },
    { mode: 0o1713, atime: A, mtime: M, xattrs: { 'user.d': 'of d' } },
  ),
  l: symlink('to/nowhere', { atime: A, mtime: M }),
  p: fifo({ mode: 0o612, atime: A, mtime: M }),
  s: socket({ mode: 0o621, atime: A, mtime: M }),
  large: file('x', { atime: A, mtime: M, xattrs: { 'user.large': LARGE } }),
}

const owned: Tree = {
  f: file(DATA, {
    uid: 1234,
    gid: 5678,
    mode: 0o6755,
    atime: A,
    mtime: M,
    xattrs: { 'system.posix_acl_access': ACL },
  }),
  d: dir(
    { in: file('i') },
    {
      uid: 4321,
      gid: 8765,
      mode: 0o2770,
      atime: A,
      mtime: M,
      xattrs: { 'system.posix_acl_access': ACL, 'system.posix_acl_default': ACL },
    },
  ),
  l: symlink('x', { uid: 77, gid: 78, atime: A, mtime: M }),
  p: fifo({ uid: 87, gid: 88, mode: 0o640, atime: A, mtime: M }),
}

const privileged: Tree = {
  c: character(1, 7, { uid: 5, gid: 6, mode: 0o642, atime: A, mtime: M }),
  l: symlink('x', { atime: A, mtime: M, xattrs: { 'trusted.l': 'of the link' } }),
  f: file('x', {
    mode: 0o755,
    atime: A,
    mtime: M,
    xattrs: { 'trusted.t': 'of the file', 'security.label': 'a label' },
  }),
}

/** Everything that says what a file is, but for its status change time and its own name. */
function everything(path: string): Record<string, unknown> {
  const { mode, uid, gid, size, nlink, rdev, mtime, atime, ino, btime } =
    calls.lstat(path)
  // xfs shows root how it keeps ACLs.
  const names = calls.listxattr(path).filter(name => !name.startsWith('trusted.SGI_ACL_'))
  const attributes = names.map(name => [name, calls.getxattr(path, name)])
  const known = btime > 0n
  return { mode, uid, gid, size, nlink, rdev, mtime, atime, ino, known, attributes }
}

/** The state of each name must be the same after `change` as before. */
function keeps(
  c: Context,
  names: readonly string[],
  change: (path: string) => void,
): void {
  for (const name of names) {
    const before = everything(c.at(name))
    change(c.at(name))
    const after = everything(c.at(name))
    // A merged directory has one link, one of its own layer has two and more; sizes of
    // directories are their filesystems' affair.
    const same = name === 'd' ? { nlink: 0, size: 0 } : {}
    equal({ ...after, ...same }, { ...before, ...same }, name)
  }
}

/** A change of mtime to what it is. */
function touch(path: string): void {
  calls.utimens(path, 'omit', calls.lstat(path).mtime, C.AT_SYMLINK_NOFOLLOW)
}

/** To another name and back. */
function move(path: string): void {
  calls.rename(path, `${path}.moved`)
  calls.rename(`${path}.moved`, path)
}

export default property('kept', it => {
  it('by setting the times they have', { tree: plain }, c => {
    keeps(c, ['f', 'd', 'l', 'p', 's', 'large'], touch)
    check(calls.readText(c.at('f')) === DATA, 'contents')
  })

  it('by a rename and back', { tree: plain }, c => {
    keeps(c, ['f', 'l', 'p', 's', 'large'], move)
    check(calls.readText(c.at('f')) === DATA, 'contents')
  })

  it('by opening for writing without a write', { tree: plain }, c => {
    keeps(c, ['f', 'large'], path => calls.close(calls.open(path, C.O_RDWR)))
    keeps(c, ['f'], path => calls.close(calls.open(path, C.O_WRONLY | C.O_APPEND)))
    check(calls.readText(c.at('f')) === DATA, 'contents')
  })

  it('by an attribute set and removed', { tree: plain }, c => {
    keeps(c, ['f', 'd', 'large'], path => {
      calls.setxattr(path, 'user.temporary', 'x')
      calls.removexattr(path, 'user.temporary')
    })
  })

  it('by changes inside a directory, but for its times', { tree: plain }, c => {
    const before = everything(c.at('d'))
    calls.writeFile(c.at('d', 'new'), 'n')
    calls.unlink(c.at('d', 'new'))
    calls.writeFile(c.at('d', 'in'), 'changed')
    const after = everything(c.at('d'))
    const same = { mtime: 0n, atime: 0n, nlink: 0, size: 0 }
    equal({ ...after, ...same }, { ...before, ...same }, 'd')
  })

  it('owners, set-id bits and ACLs', { tree: owned, needs: ['root'] }, c => {
    keeps(c, ['f', 'd', 'l', 'p'], touch)
    keeps(c, ['f', 'l', 'p'], move)
    keeps(c, ['f'], path => calls.close(calls.open(path, C.O_RDWR)))
    check(calls.readText(c.at('f')) === DATA, 'contents')
  })

  it(
    'devices, trusted and security attributes',
    { tree: privileged, needs: ['privileged'] },
    c => {
      keeps(c, ['c', 'l', 'f'], touch)
      keeps(c, ['c', 'l', 'f'], move)
    },
  )

  it(
    'a sparse file of 5 GB',
    { tree: { f: file('start', { size: 5_000_000_123 }) } },
    c => {
      keeps(c, ['f'], touch)
      calls.withOpen(c.at('f'), C.O_RDWR, fd => {
        equal(calls.pread(fd, 6, 0).toString(), 'start\0', 'start')
        equal(calls.pread(fd, 10, 5_000_000_120).length, 3, 'bytes at the end')
        calls.pwrite(fd, 'END', 5_000_000_120)
        check(calls.fstat(fd).blocks * 512 < 8 << 20, 'it is still sparse')
        equal(calls.fstat(fd).size, 5_000_000_123, 'size')
      })
    },
  )
})
