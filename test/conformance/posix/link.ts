// link(2): one file, several names.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, hardlink, symlink, type Tree } from '../../helpers/tree.js'
import { alice, as } from '../../helpers/users.js'
import { check, equal, equalMode, fails, property } from '../property.js'

const tree: Tree = {
  f: file('hello'),
  g: file('other'),
  d: dir({ e: dir() }),
  'to-f': symlink('f'),
  dangling: symlink('nothing'),
  pipe: fifo(),
}

const pair: Tree = { a: file('one file'), d: dir({ b: hardlink('a') }) }

export default property('link', it => {
  it('a second name of the same file', { tree }, c => {
    calls.link(c.at('f'), c.at('d', 'l'))
    const [f, l] = [calls.stat(c.at('f')), calls.stat(c.at('d', 'l'))]
    equal(l.ino, f.ino, 'ino')
    equal([f.nlink, l.nlink], [2, 2], 'nlink')
    calls.writeFile(c.at('d', 'l'), 'changed')
    equal(calls.readText(c.at('f')), 'changed', 'contents by the first name')
    equal(calls.stat(c.at('f')).size, 7, 'size by the first name')
  })

  it('nlink follows names made and removed', { tree }, c => {
    for (let i = 0; i < 10; i++) {
      calls.link(c.at(i === 0 ? 'f' : `l${i - 1}`), c.at(`l${i}`))
      equal(calls.stat(c.at('f')).nlink, i + 2, 'nlink')
    }
    for (let i = 0; i < 10; i++) {
      calls.unlink(c.at(`l${i}`))
      equal(calls.stat(c.at('f')).nlink, 10 - i, 'nlink')
    }
    equal(calls.readText(c.at('f')), 'hello', 'contents')
  })

  it('refuses existing names of every kind', { tree }, c => {
    for (const name of ['f', 'g', 'd', 'to-f', 'dangling', 'pipe']) {
      fails('EEXIST', () => calls.link(c.at('f'), c.at(name)))
    }
    equal(calls.stat(c.at('f')).nlink, 1, 'nlink')
  })

  it('refuses directories', { tree }, c => {
    fails('EPERM', () => calls.link(c.at('d'), c.at('l')))
    fails('EPERM', () => calls.link(c.at('d', 'e'), c.at('l')))
    check(!calls.exists(c.at('l')), 'nothing was made')
  })

  it('wrong paths', { tree }, c => {
    fails('ENOENT', () => calls.link(c.at('none'), c.at('l')))
    fails('ENOENT', () => calls.link(c.at('f'), c.at('none', 'l')))
    fails('ENOTDIR', () => calls.link(c.at('f'), c.at('g', 'l')))
    fails('ENOTDIR', () => calls.link(c.at('f', 'x'), c.at('l')))
    fails('ENOENT', () => calls.link(c.at('f'), `${c.at('l')}/`))
  })

  it('links the link itself unless told to follow', { tree }, c => {
    calls.link(c.at('to-f'), c.at('l'))
    equal(calls.lstat(c.at('l')).mode & C.S_IFMT, C.S_IFLNK, 'type')
    equal(calls.lstat(c.at('to-f')).nlink, 2, 'nlink of the link')
    equal(calls.readlink(c.at('l')), 'f', 'target')
    calls.link(c.at('to-f'), c.at('m'), C.AT_SYMLINK_FOLLOW)
    equal(calls.lstat(c.at('m')).ino, calls.stat(c.at('f')).ino, 'ino when followed')
    fails('ENOENT', () => calls.link(c.at('dangling'), c.at('n'), C.AT_SYMLINK_FOLLOW))
  })

  it('special files', { tree }, c => {
    calls.link(c.at('pipe'), c.at('d', 'p'))
    equal(calls.lstat(c.at('d', 'p')).mode & C.S_IFMT, C.S_IFIFO, 'type')
    equal(calls.lstat(c.at('pipe')).nlink, 2, 'nlink')
    equal(calls.lstat(c.at('d', 'p')).ino, calls.lstat(c.at('pipe')).ino, 'ino')
  })

  it('names that exist from the start are one file', { tree: pair }, c => {
    const [a, b] = [calls.stat(c.at('a')), calls.stat(c.at('d', 'b'))]
    equal(a.ino, b.ino, 'ino')
    equal([a.nlink, b.nlink], [2, 2], 'nlink')
  })

  it('a change by one name shows by the other', { tree: pair }, c => {
    calls.withOpen(c.at('a'), C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, '!'))
    equal(calls.readText(c.at('d', 'b')), 'one file!', 'contents')
    calls.chmod(c.at('d', 'b'), 0o640)
    equalMode(calls.stat(c.at('a')).mode, 0o640, 'mode')
    calls.setxattr(c.at('d', 'b'), 'user.k', 'v')
    equal(calls.getxattr(c.at('a'), 'user.k').toString(), 'v', 'attribute')
    calls.utimens(c.at('a'), 1_000_000_001n, 2_000_000_002n)
    equal(calls.stat(c.at('d', 'b')).mtime, 2_000_000_002n, 'mtime')
    equal(calls.stat(c.at('a')).ino, calls.stat(c.at('d', 'b')).ino, 'ino')
    equal(calls.stat(c.at('a')).nlink, 2, 'nlink')
  })

  it('a third name, then all removed', { tree: pair }, c => {
    calls.link(c.at('d', 'b'), c.at('x'))
    equal(calls.stat(c.at('a')).nlink, 3, 'nlink with three')
    calls.unlink(c.at('a'))
    equal(calls.stat(c.at('x')).nlink, 2, 'nlink with two')
    calls.unlink(c.at('d', 'b'))
    equal(calls.stat(c.at('x')).nlink, 1, 'nlink with one')
    equal(calls.readText(c.at('x')), 'one file', 'contents')
  })

  it('a name removed and made anew is another file', { tree: pair }, c => {
    calls.unlink(c.at('a'))
    calls.writeFile(c.at('a'), 'new')
    equal(calls.stat(c.at('a')).nlink, 1, 'nlink of the new one')
    equal(calls.stat(c.at('d', 'b')).nlink, 1, 'nlink of the old one')
    equal(calls.readText(c.at('d', 'b')), 'one file', 'contents of the old one')
    check(calls.stat(c.at('a')).ino !== calls.stat(c.at('d', 'b')).ino, 'two inodes')
  })

  it('an open file seen by both names', { tree: pair }, c => {
    const fd = calls.open(c.at('a'), C.O_RDONLY)
    calls.withOpen(c.at('d', 'b'), C.O_WRONLY, other => calls.pwrite(other, 'ONE', 0))
    equal(calls.pread(fd, 20, 0).toString(), 'ONE file', 'contents')
    calls.unlink(c.at('a'))
    calls.withOpen(c.at('d', 'b'), C.O_WRONLY, other => calls.pwrite(other, 'TWO', 0))
    equal(calls.pread(fd, 20, 0).toString(), 'TWO file', 'contents after unlink')
    equal(calls.fstat(fd).nlink, 1, 'nlink')
    calls.close(fd)
  })

  it('renamed names stay one file', { tree: pair }, c => {
    calls.rename(c.at('a'), c.at('d', 'c'))
    calls.rename(c.at('d', 'b'), c.at('z'))
    equal(calls.stat(c.at('d', 'c')).ino, calls.stat(c.at('z')).ino, 'ino')
    calls.writeFile(c.at('z'), 'w')
    equal(calls.readText(c.at('d', 'c')), 'w', 'contents')
    equal(calls.stat(c.at('z')).nlink, 2, 'nlink')
  })

  it('an open descriptor gets a further name', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      calls.link(`/proc/self/fd/${fd}`, c.at('l'), C.AT_SYMLINK_FOLLOW)
      equal(calls.fstat(fd).nlink, 2, 'nlink')
    })
  })

  it('a user links his own file', { tree, needs: ['root'] }, c => {
    as(alice, () => {
      calls.writeFile(c.at('mine'), 'm')
      calls.link(c.at('mine'), c.at('mine2'))
      fails('EACCES', () => calls.link(c.at('mine'), c.at('d', 'x')))
    })
    equal(calls.stat(c.at('mine')).nlink, 2, 'nlink')
  })

  it('1000 names', {}, c => {
    calls.writeFile(c.at('f'), 'x')
    for (let i = 0; i < 999; i++) calls.link(c.at('f'), c.at(`l${i}`))
    equal(calls.stat(c.at('l500')).nlink, 1000, 'nlink')
    equal(calls.names(c.dir).length, 1000, 'count of names')
  })

  it('changes the time of status', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.link(c.at('f'), c.at('l'))
    const after = calls.stat(c.at('f'))
    check(after.ctime > before.ctime, 'ctime is later')
    equal(after.mtime, before.mtime, 'mtime')
  })
})
