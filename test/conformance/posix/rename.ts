// rename(2): what replaces what, and what is refused. Directories and flags have their own files.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import {
  dir,
  fifo,
  file,
  hardlink,
  socket,
  symlink,
  type Tree,
} from '../../helpers/tree.js'
import { check, equal, equalMode, fails, property } from '../property.js'

/** A source and a target of every kind. */
const kinds: Tree = {
  'file-1': file('one'),
  'file-2': file('two'),
  'link-1': symlink('target-1'),
  'link-2': symlink('target-2'),
  'pipe-1': fifo(),
  'pipe-2': fifo(),
  'sock-1': socket(),
  'sock-2': socket(),
  'empty-1': dir(),
  'empty-2': dir(),
  'full-1': dir({ a: file('a1') }),
  'full-2': dir({ b: file('b2') }),
}

const tree: Tree = {
  f: file('hello', { mode: 0o640, mtime: 1_500_000_000_123_456_789n }),
  g: file('other'),
  d: dir({ a: file('a'), e: dir() }),
  'to-f': symlink('f'),
  'to-d': symlink('d'),
}

const NOT_DIRECTORIES = ['file', 'link', 'pipe', 'sock']

export default property('rename', it => {
  it('to a new name', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.rename(c.at('f'), c.at('n'))
    const after = calls.stat(c.at('n'))
    equal(after.ino, before.ino, 'ino')
    equal(after.mtime, before.mtime, 'mtime')
    equalMode(after.mode, 0o640, 'mode')
    equal(calls.readText(c.at('n')), 'hello', 'contents')
    fails('ENOENT', () => calls.lstat(c.at('f')))
    equal(calls.names(c.dir), ['d', 'g', 'n', 'to-d', 'to-f'], 'names')
  })

  it('into another directory and back', { tree }, c => {
    calls.rename(c.at('f'), c.at('d', 'e', 'f'))
    equal(calls.readText(c.at('d', 'e', 'f')), 'hello', 'contents')
    equal(calls.names(c.at('d', 'e')), ['f'], 'names there')
    check(!calls.exists(c.at('f')), 'not here')
    calls.rename(c.at('d', 'e', 'f'), c.at('f'))
    equal(calls.readText(c.at('f')), 'hello', 'contents again')
    equal(calls.names(c.at('d', 'e')), [], 'names there again')
  })

  it('replaces a file', { tree }, c => {
    const { ino } = calls.stat(c.at('f'))
    const open = calls.open(c.at('g'), C.O_RDONLY)
    calls.rename(c.at('f'), c.at('g'))
    equal(calls.stat(c.at('g')).ino, ino, 'ino')
    equal(calls.readText(c.at('g')), 'hello', 'contents')
    equal(calls.pread(open, 10, 0).toString(), 'other', 'the replaced one, still open')
    equal(calls.fstat(open).nlink, 0, 'its nlink')
    calls.close(open)
    check(!calls.exists(c.at('f')), 'the old name is gone')
  })

  it('a name that was removed can be renamed to, and made again', { tree }, c => {
    calls.unlink(c.at('g'))
    calls.rename(c.at('f'), c.at('g'))
    equal(calls.readText(c.at('g')), 'hello', 'contents')
    calls.writeFile(c.at('f'), 'new')
    calls.rename(c.at('f'), c.at('g'))
    equal(calls.readText(c.at('g')), 'new', 'contents after the second')
    equal(calls.names(c.dir), ['d', 'g', 'to-d', 'to-f'], 'names')
  })

  for (const from of NOT_DIRECTORIES) {
    it(`${from} over every kind`, { tree: kinds }, c => {
      const source = calls.lstat(c.at(`${from}-1`))
      for (const to of ['empty-2', 'full-2']) {
        fails('EISDIR', () => calls.rename(c.at(`${from}-1`), c.at(to)))
      }
      for (const to of NOT_DIRECTORIES) {
        const target = c.at(`${to}-2`)
        calls.rename(c.at(`${from}-1`), target)
        equal(calls.lstat(target).ino, source.ino, `ino after replacing ${to}`)
        equal(calls.lstat(target).mode, source.mode, `mode after replacing ${to}`)
        calls.rename(target, c.at(`${from}-1`))
        check(!calls.exists(target), `${to} is gone`)
      }
    })
  }

  it('an empty directory over every kind', { tree: kinds }, c => {
    const source = calls.lstat(c.at('empty-1'))
    for (const to of NOT_DIRECTORIES) {
      fails('ENOTDIR', () => calls.rename(c.at('empty-1'), c.at(`${to}-2`)))
    }
    fails(['ENOTEMPTY', 'EEXIST'], () => calls.rename(c.at('empty-1'), c.at('full-2')))
    calls.rename(c.at('empty-1'), c.at('empty-2'))
    equal(calls.lstat(c.at('empty-2')).ino, source.ino, 'ino')
  })

  it('a full directory over every kind', { tree: kinds }, c => {
    const source = calls.lstat(c.at('full-1'))
    for (const to of NOT_DIRECTORIES) {
      fails('ENOTDIR', () => calls.rename(c.at('full-1'), c.at(`${to}-2`)))
    }
    fails(['ENOTEMPTY', 'EEXIST'], () => calls.rename(c.at('full-1'), c.at('full-2')))
    calls.rename(c.at('full-1'), c.at('empty-2'))
    equal(calls.lstat(c.at('empty-2')).ino, source.ino, 'ino')
    equal(calls.names(c.at('empty-2')), ['a'], 'names in it')
    equal(calls.readText(c.at('empty-2', 'a')), 'a1', 'contents in it')
  })

  it('over a directory that was emptied', { tree: kinds }, c => {
    calls.unlink(c.at('full-2', 'b'))
    calls.rename(c.at('full-1'), c.at('full-2'))
    equal(calls.names(c.at('full-2')), ['a'], 'names in it')
    check(!calls.exists(c.at('full-1')), 'the old name is gone')
  })

  it('onto itself does nothing', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.rename(c.at('f'), c.at('f'))
    calls.rename(c.at('d'), c.at('d'))
    equal(calls.stat(c.at('f')).ctime, before.ctime, 'ctime')
    equal(calls.readText(c.at('f')), 'hello', 'contents')
    equal(calls.names(c.at('d')), ['a', 'e'], 'names in the directory')
  })

  it(
    'onto another name of itself does nothing',
    { tree: { a: file('x'), b: hardlink('a') } },
    c => {
      calls.rename(c.at('a'), c.at('b'))
      equal(calls.names(c.dir), ['a', 'b'], 'names')
      equal(calls.stat(c.at('a')).nlink, 2, 'nlink')
    },
  )

  it(
    'over one of several names',
    { tree: { a: file('x'), b: hardlink('a'), c: file('y') } },
    c => {
      calls.rename(c.at('c'), c.at('b'))
      equal(calls.stat(c.at('a')).nlink, 1, 'nlink of the other name')
      equal(calls.readText(c.at('b')), 'y', 'contents')
      equal(calls.readText(c.at('a')), 'x', 'contents by the other name')
    },
  )

  it('wrong paths', { tree }, c => {
    fails('ENOENT', () => calls.rename(c.at('none'), c.at('x')))
    fails('ENOENT', () => calls.rename(c.at('f'), c.at('none', 'x')))
    fails('ENOTDIR', () => calls.rename(c.at('f'), c.at('g', 'x')))
    fails('ENOTDIR', () => calls.rename(c.at('f', 'x'), c.at('x')))
    fails('ENOTDIR', () => calls.rename(`${c.at('f')}/`, c.at('x')))
    fails('ENOTDIR', () => calls.rename(c.at('f'), `${c.at('x')}/`))
    check(calls.exists(c.at('f')), 'the file is still there')
  })

  it('dot names', { tree }, c => {
    fails(['EBUSY', 'EINVAL'], () => calls.rename(c.at('d', '.'), c.at('x')))
    fails(['EBUSY', 'EINVAL'], () => calls.rename(c.at('d', 'e', '..'), c.at('x')))
    fails(['EBUSY', 'EINVAL'], () => calls.rename(c.at('d', 'e'), c.at('d', '.')))
    fails(['EBUSY', 'ENOTEMPTY'], () =>
      calls.rename(c.at('d', 'e'), c.at('d', 'e', '..')),
    )
  })

  it('moves a link, not what it points to', { tree }, c => {
    calls.rename(c.at('to-f'), c.at('l'))
    equal(calls.readlink(c.at('l')), 'f', 'target')
    equal(calls.readText(c.at('f')), 'hello', 'the file')
    calls.rename(c.at('to-d', 'a'), c.at('to-d', 'z'))
    equal(calls.names(c.at('d')), ['e', 'z'], 'names behind a linked directory')
  })

  it('an open file follows', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    calls.rename(c.at('f'), c.at('d', 'n'))
    calls.pwrite(fd, 'HELLO', 0)
    equal(calls.readText(c.at('d', 'n')), 'HELLO', 'contents by the new name')
    calls.writeFile(c.at('f'), 'new')
    calls.pwrite(fd, 'again', 0)
    equal(calls.readText(c.at('f')), 'new', 'contents of the new file')
    equal(calls.readText(c.at('d', 'n')), 'again', 'contents by the new name')
    calls.close(fd)
  })

  it('a chain of 50 renames', { tree }, c => {
    const { ino } = calls.stat(c.at('f'))
    let name = 'f'
    for (let i = 0; i < 50; i++) {
      calls.rename(c.at(name), c.at(`n${i}`))
      name = `n${i}`
    }
    equal(calls.stat(c.at(name)).ino, ino, 'ino')
    equal(calls.readText(c.at(name)), 'hello', 'contents')
    equal(calls.names(c.dir), ['d', 'g', name, 'to-d', 'to-f'].sort(), 'names')
  })

  it('save by writing a new file and renaming', { tree }, c => {
    for (let i = 0; i < 10; i++) {
      calls.writeFile(c.at('f.tmp'), `version ${i}`)
      calls.withOpen(c.at('f.tmp'), C.O_RDWR, fd => calls.fsync(fd))
      calls.rename(c.at('f.tmp'), c.at('f'))
      equal(calls.readText(c.at('f')), `version ${i}`, 'contents')
    }
    check(!calls.exists(c.at('f.tmp')), 'the temporary name is gone')
  })

  it(
    'three files in a circle',
    { tree: { a: file('A'), b: file('B'), c: file('C') } },
    c => {
      calls.rename(c.at('a'), c.at('t'))
      calls.rename(c.at('b'), c.at('a'))
      calls.rename(c.at('c'), c.at('b'))
      calls.rename(c.at('t'), c.at('c'))
      equal(
        ['a', 'b', 'c'].map(n => calls.readText(c.at(n))),
        ['B', 'C', 'A'],
        'contents',
      )
      equal(calls.names(c.dir), ['a', 'b', 'c'], 'names')
    },
  )
})
