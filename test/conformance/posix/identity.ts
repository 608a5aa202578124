// Which file is which: inode numbers, device numbers and creation times that stay what they are.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, hardlink, symlink, type Tree } from '../../helpers/tree.js'
import { check, equal, property } from '../property.js'

const tree: Tree = {
  f: file('hello'),
  h: hardlink('f'),
  d: dir({ a: file('a'), e: dir({ x: file('x') }) }),
  l: symlink('f'),
  p: fifo(),
}

const NAMES = ['f', 'd', 'd/a', 'd/e', 'd/e/x', 'l', 'p']

export default property('identity', it => {
  it('every file has a number of its own', { tree }, c => {
    const inos = NAMES.map(name => calls.lstat(c.at(name)).ino)
    equal(new Set(inos).size, NAMES.length, 'count of different numbers')
    check(!inos.includes(0n), 'none is 0')
  })

  it('one device for all', { tree }, c => {
    const devices = new Set([...NAMES, '.'].map(name => calls.lstat(c.at(name)).dev))
    equal(devices.size, 1, 'count of devices')
    calls.writeFile(c.at('f'), 'changed')
    calls.chmod(c.at('d'), 0o700)
    equal(calls.lstat(c.at('f')).dev, [...devices][0], 'device after a change')
    equal(
      calls.lstat(c.at('d')).dev,
      [...devices][0],
      'device of a directory after a change',
    )
  })

  it('numbers stay through changes', { tree }, c => {
    const before = NAMES.map(name => calls.lstat(c.at(name)).ino)
    calls.writeFile(c.at('f'), 'changed')
    calls.chmod(c.at('d'), 0o700)
    calls.utimens(c.at('d/a'), 1n, 2n)
    calls.setxattr(c.at('d/e'), 'user.a', 'b')
    calls.withOpen(c.at('d/e/x'), C.O_WRONLY | C.O_TRUNC, fd => calls.write(fd, 'y'))
    calls.utimens(c.at('l'), 1n, 2n, C.AT_SYMLINK_NOFOLLOW)
    calls.chmod(c.at('p'), 0o600)
    equal(
      NAMES.map(name => calls.lstat(c.at(name)).ino),
      before,
      'numbers',
    )
  })

  it('numbers stay through renames', { tree }, c => {
    const before = NAMES.map(name => calls.lstat(c.at(name)).ino)
    for (const name of ['f', 'd', 'l', 'p']) calls.rename(c.at(name), c.at(`${name}2`))
    const moved = NAMES.map(name => name.replace(/^./, first => `${first}2`))
    equal(
      moved.map(name => calls.lstat(c.at(name)).ino),
      before,
      'numbers',
    )
  })

  it('an open file keeps its number through copy, rename and unlink', { tree }, c => {
    const fd = calls.open(c.at('d/a'), C.O_RDONLY)
    const { ino, dev } = calls.fstat(fd)
    calls.writeFile(c.at('d/a'), 'changed')
    equal(calls.fstat(fd).ino, ino, 'after a change')
    calls.rename(c.at('d/a'), c.at('z'))
    equal(calls.fstat(fd).ino, ino, 'after a rename')
    calls.unlink(c.at('z'))
    equal([calls.fstat(fd).ino, calls.fstat(fd).dev], [ino, dev], 'after unlink')
    calls.close(fd)
  })

  it('an open directory keeps its number', { tree }, c => {
    const fd = calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)
    const { ino } = calls.fstat(fd)
    calls.writeFile(c.at('d/new'), '')
    calls.rename(c.at('d'), c.at('d2'))
    equal([calls.fstat(fd).ino, calls.stat(c.at('d2')).ino], [ino, ino], 'numbers')
    calls.close(fd)
  })

  it('a new file of an old name is another file', { tree }, c => {
    const fd = calls.open(c.at('d/a'), C.O_RDONLY)
    const { ino } = calls.fstat(fd)
    calls.unlink(c.at('d/a'))
    calls.writeFile(c.at('d/a'), 'new')
    check(calls.stat(c.at('d/a')).ino !== ino, 'two numbers while both exist')
    calls.close(fd)
  })

  it('100 new files while 100 open ones are removed', {}, c => {
    const seen = new Set<bigint>()
    const fds: number[] = []
    for (let i = 0; i < 100; i++) {
      const fd = calls.open(c.at('f'), C.O_RDWR | C.O_CREAT | C.O_EXCL)
      seen.add(calls.fstat(fd).ino)
      fds.push(fd)
      calls.unlink(c.at('f'))
    }
    equal(seen.size, 100, 'count of different numbers')
    for (const fd of fds) calls.close(fd)
  })

  it('creation time of a new file', {}, c => {
    const start = BigInt(Date.now() - 1000) * 1_000_000n
    calls.writeFile(c.at('n'), 'x')
    calls.mkdir(c.at('m'))
    for (const name of ['n', 'm']) {
      const { btime } = calls.stat(c.at(name))
      check(btime > start, `${name}: btime is now`)
      calls.utimens(c.at(name), 1n, 2n)
      calls.chmod(c.at(name), 0o700)
      equal(calls.stat(c.at(name)).btime, btime, `${name}: btime after changes`)
    }
  })

  it('creation time is known', { tree }, c => {
    for (const name of NAMES)
      check(calls.lstat(c.at(name)).btime > 0n, `${name}: btime is known`)
  })
})
