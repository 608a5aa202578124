// rename(2) of directories: what is in them moves along, at any depth, whatever it is merged from.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, symlink, type Tree } from '../../helpers/tree.js'
import { equal, equalMode, fails, property } from '../property.js'

const tree: Tree = {
  d: dir(
    {
      a: file('a'),
      s: dir({ deep: dir({ x: file('x') }), y: file('y') }),
      up: symlink('../f'),
    },
    { mode: 0o751, mtime: 1_400_000_000_000_000_001n },
  ),
  other: dir({ z: file('z') }),
  empty: dir(),
  f: file('f'),
}

export default property('rename-directory', it => {
  it('to a new name', { tree }, c => {
    const before = calls.stat(c.at('d'))
    calls.rename(c.at('d'), c.at('n'))
    const after = calls.stat(c.at('n'))
    equal(after.ino, before.ino, 'ino')
    equal(after.mtime, before.mtime, 'mtime')
    equalMode(after.mode, 0o751, 'mode')
    equal(calls.names(c.at('n')), ['a', 's', 'up'], 'names in it')
    equal(calls.names(c.at('n', 's')), ['deep', 'y'], 'names one level down')
    equal(calls.readText(c.at('n', 's', 'deep', 'x')), 'x', 'contents at the bottom')
    equal(calls.readText(c.at('n', 'up')), 'f', 'through a link in it')
    fails('ENOENT', () => calls.lstat(c.at('d')))
    fails('ENOENT', () => calls.lstat(c.at('d', 'a')))
  })

  it('into another directory, then changed', { tree }, c => {
    calls.rename(c.at('d'), c.at('other', 'd'))
    calls.writeFile(c.at('other', 'd', 's', 'new'), 'n')
    calls.unlink(c.at('other', 'd', 'a'))
    calls.writeFile(c.at('other', 'd', 's', 'deep', 'x'), 'X')
    equal(calls.names(c.at('other', 'd')), ['s', 'up'], 'names')
    equal(calls.names(c.at('other', 'd', 's')), ['deep', 'new', 'y'], 'names below')
    equal(calls.readText(c.at('other', 'd', 's', 'deep', 'x')), 'X', 'contents')
    equal(calls.names(c.dir), ['empty', 'f', 'other'], 'names at the top')
  })

  it('renamed twice and back', { tree }, c => {
    calls.rename(c.at('d'), c.at('n'))
    calls.rename(c.at('n'), c.at('other', 'm'))
    equal(calls.readText(c.at('other', 'm', 's', 'deep', 'x')), 'x', 'contents')
    calls.rename(c.at('other', 'm'), c.at('d'))
    equal(calls.readText(c.at('d', 's', 'deep', 'x')), 'x', 'contents when back')
    equal(calls.names(c.at('d')), ['a', 's', 'up'], 'names when back')
    equal(calls.names(c.at('other')), ['z'], 'names where it was')
  })

  it('a parent and then its child', { tree }, c => {
    calls.rename(c.at('d'), c.at('n'))
    calls.rename(c.at('n', 's'), c.at('n', 't'))
    calls.rename(c.at('n', 't', 'deep'), c.at('bottom'))
    equal(calls.readText(c.at('bottom', 'x')), 'x', 'contents')
    equal(calls.names(c.at('n')), ['a', 't', 'up'], 'names')
    equal(calls.names(c.at('n', 't')), ['y'], 'names below')
  })

  it('a child and then its parent', { tree }, c => {
    calls.rename(c.at('d', 's', 'deep'), c.at('d', 's', 'low'))
    calls.rename(c.at('d', 's'), c.at('d', 't'))
    calls.rename(c.at('d'), c.at('n'))
    equal(calls.readText(c.at('n', 't', 'low', 'x')), 'x', 'contents')
    fails('ENOENT', () => calls.lstat(c.at('n', 't', 'deep')))
    fails('ENOENT', () => calls.lstat(c.at('n', 's')))
  })

  it('a new directory in its old place is empty', { tree }, c => {
    calls.rename(c.at('d'), c.at('n'))
    calls.mkdir(c.at('d'))
    equal(calls.names(c.at('d')), [], 'names')
    calls.mkdir(c.at('d', 's'))
    equal(calls.names(c.at('d', 's')), [], 'names below')
    calls.writeFile(c.at('d', 'a'), 'new a')
    equal(calls.readText(c.at('n', 'a')), 'a', 'contents of the old one')
  })

  it('two directories change places', { tree }, c => {
    calls.rename(c.at('d'), c.at('t'))
    calls.rename(c.at('other'), c.at('d'))
    calls.rename(c.at('t'), c.at('other'))
    equal(calls.names(c.at('d')), ['z'], 'names in the first')
    equal(calls.names(c.at('other')), ['a', 's', 'up'], 'names in the second')
    equal(calls.readText(c.at('other', 's', 'deep', 'x')), 'x', 'contents')
  })

  it('over an empty directory', { tree }, c => {
    calls.rename(c.at('d'), c.at('empty'))
    equal(calls.names(c.at('empty')), ['a', 's', 'up'], 'names')
    equal(calls.names(c.dir), ['empty', 'f', 'other'], 'names at the top')
  })

  it('over an empty directory that is open', { tree }, c => {
    const fd = calls.open(c.at('empty'), C.O_RDONLY | C.O_DIRECTORY)
    calls.rename(c.at('d'), c.at('empty'))
    equal(calls.fstat(fd).nlink, 0, 'nlink of the replaced one')
    fails('ENOENT', () => calls.writeFile([fd, 'x'], ''))
    calls.close(fd)
  })

  it('not into itself or below', { tree }, c => {
    fails('EINVAL', () => calls.rename(c.at('d'), c.at('d', 'x')))
    fails('EINVAL', () => calls.rename(c.at('d'), c.at('d', 's', 'deep', 'x')))
    fails(['ENOTEMPTY', 'EINVAL'], () => calls.rename(c.at('d', 's'), c.at('d')))
    equal(calls.readText(c.at('d', 's', 'deep', 'x')), 'x', 'contents')
  })

  it('not over directories with entries', { tree }, c => {
    fails(['ENOTEMPTY', 'EEXIST'], () => calls.rename(c.at('d'), c.at('other')))
    fails(['ENOTEMPTY', 'EEXIST'], () => calls.rename(c.at('empty'), c.at('other')))
    calls.unlink(c.at('other', 'z'))
    calls.rename(c.at('d'), c.at('other'))
    equal(calls.names(c.at('other')), ['a', 's', 'up'], 'names after it was emptied')
  })

  it('.. of a moved directory is its new parent', { tree }, c => {
    const fd = calls.open(c.at('d', 's'), C.O_RDONLY | C.O_DIRECTORY)
    equal(calls.lstat([fd, '..']).ino, calls.stat(c.at('d')).ino, 'before')
    calls.rename(c.at('d', 's'), c.at('other', 's'))
    equal(calls.lstat([fd, '..']).ino, calls.stat(c.at('other')).ino, 'after')
    const up = calls.listAll(c.at('other', 's')).find(entry => entry.name === '..')
    equal(up?.ino, calls.stat(c.at('other')).ino, 'd_ino of .. in the listing')
    calls.close(fd)
  })

  it('open files and directories in it go on working', { tree }, c => {
    const fd = calls.open(c.at('d', 's', 'deep', 'x'), C.O_RDWR)
    const below = calls.open(c.at('d', 's'), C.O_RDONLY | C.O_DIRECTORY)
    calls.rename(c.at('d'), c.at('n'))
    calls.pwrite(fd, 'written', 0)
    calls.writeFile([below, 'made'], 'm')
    equal(calls.readText(c.at('n', 's', 'deep', 'x')), 'written', 'contents')
    equal(calls.names(c.at('n', 's')), ['deep', 'made', 'y'], 'names')
    equal(
      calls.namesOf(calls.restOf(below)),
      ['deep', 'made', 'y'],
      'listing by descriptor',
    )
    calls.close(fd)
    calls.close(below)
  })

  it('a reader from before sees what is written by the new path', { tree }, c => {
    const fd = calls.open(c.at('d', 's', 'deep', 'x'), C.O_RDONLY)
    equal(calls.pread(fd, 1, 0).toString(), 'x', 'before')
    calls.rename(c.at('d'), c.at('other', 'd2'))
    calls.rename(c.at('other', 'd2', 's'), c.at('t'))
    calls.writeFile(c.at('t', 'deep', 'x'), 'by the new path')
    equal(calls.pread(fd, 100, 0).toString(), 'by the new path', 'after')
    equal(calls.fstat(fd).ino, calls.stat(c.at('t', 'deep', 'x')).ino, 'ino')
    calls.close(fd)
  })

  it('a process whose current directory moves', { tree }, async c => {
    const agent = await c.agent()
    await agent.call('chdir', c.at('d', 's'))
    calls.rename(c.at('d'), c.at('n'))
    equal((await agent.ask('getcwd')).rest[0], c.at('n', 's'), 'getcwd')
    const fd = await agent.call('open', 'made', C.O_RDWR | C.O_CREAT, 0o644)
    await agent.call('write', fd, 'here')
    equal(calls.readText(c.at('n', 's', 'made')), 'here', 'contents')
    calls.rename(c.at('n', 's'), c.at('other', 'q'))
    equal(
      (await agent.ask('getcwd')).rest[0],
      c.at('other', 'q'),
      'getcwd after the second',
    )
    await agent.call('chdir', '..')
    equal((await agent.ask('getcwd')).rest[0], c.at('other'), 'getcwd of ..')
  })

  it('removed after it was moved', { tree }, c => {
    calls.rename(c.at('d'), c.at('n'))
    calls.removeTree(c.at('n'))
    equal(calls.names(c.dir), ['empty', 'f', 'other'], 'names')
    calls.mkdir(c.at('n'))
    calls.mkdir(c.at('d'))
    equal([calls.names(c.at('n')), calls.names(c.at('d'))], [[], []], 'names of new ones')
  })

  it('moved under a name that a file had', { tree }, c => {
    calls.unlink(c.at('f'))
    calls.rename(c.at('d'), c.at('f'))
    equal(calls.names(c.at('f')), ['a', 's', 'up'], 'names')
    calls.rename(c.at('f'), c.at('d'))
    calls.writeFile(c.at('f'), 'file again')
    equal(calls.readText(c.at('f')), 'file again', 'contents')
  })

  it('files moved out of and into a moved directory', { tree }, c => {
    calls.rename(c.at('d'), c.at('n'))
    calls.rename(c.at('n', 's', 'y'), c.at('y'))
    calls.rename(c.at('f'), c.at('n', 's', 'y'))
    equal(
      [calls.readText(c.at('y')), calls.readText(c.at('n', 's', 'y'))],
      ['y', 'f'],
      'contents',
    )
  })

  it(
    'directories with long names',
    { tree: { ['l'.repeat(255)]: dir({ a: file('a') }) } },
    c => {
      calls.rename(c.at('l'.repeat(255)), c.at('m'.repeat(255)))
      calls.mkdir(c.at('sub'))
      calls.rename(c.at('m'.repeat(255)), c.at('sub', 'k'))
      equal(calls.readText(c.at('sub', 'k', 'a')), 'a', 'contents')
    },
  )

  it(
    'directories with colons, commas, spaces and bytes in their names',
    {
      tree: { 'a:b,c \\\xff\n': dir({ x: file('x') }) },
    },
    c => {
      calls.rename(c.at('a:b,c \\\xff\n'), c.at('=\xfe:\\,'))
      calls.mkdir(c.at('sub'))
      calls.rename(c.at('=\xfe:\\,'), c.at('sub', '::'))
      equal(calls.readText(c.at('sub', '::', 'x')), 'x', 'contents')
    },
  )
})
