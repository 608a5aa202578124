// renameat2(2): NOREPLACE, EXCHANGE, WHITEOUT and wrong flags.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, hardlink, symlink, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'

const tree: Tree = {
  a: file('A'),
  b: file('B'),
  d: dir({ x: file('dx') }),
  e: dir({ y: file('ey'), sub: dir({ z: file('z') }) }),
  l: symlink('a'),
  p: fifo(),
}

export default property('rename-flags', it => {
  it('NOREPLACE to a free name', { tree }, c => {
    calls.rename(c.at('a'), c.at('n'), C.RENAME_NOREPLACE)
    equal(calls.readText(c.at('n')), 'A', 'contents')
    check(!calls.exists(c.at('a')), 'the old name is gone')
  })

  it('NOREPLACE to a removed name', { tree }, c => {
    calls.unlink(c.at('b'))
    calls.rename(c.at('a'), c.at('b'), C.RENAME_NOREPLACE)
    equal(calls.readText(c.at('b')), 'A', 'contents')
  })

  it('NOREPLACE refuses every existing name', { tree }, c => {
    for (const from of Object.keys(tree)) {
      for (const to of Object.keys(tree)) {
        fails('EEXIST', () => calls.rename(c.at(from), c.at(to), C.RENAME_NOREPLACE))
      }
    }
    equal(calls.readText(c.at('b')), 'B', 'contents')
  })

  it('NOREPLACE of a directory', { tree }, c => {
    calls.rename(c.at('e'), c.at('n'), C.RENAME_NOREPLACE)
    equal(calls.readText(c.at('n', 'sub', 'z')), 'z', 'contents')
  })

  it('EXCHANGE of two files', { tree }, c => {
    const [a, b] = [calls.stat(c.at('a')).ino, calls.stat(c.at('b')).ino]
    calls.rename(c.at('a'), c.at('b'), C.RENAME_EXCHANGE)
    equal([calls.readText(c.at('a')), calls.readText(c.at('b'))], ['B', 'A'], 'contents')
    equal([calls.stat(c.at('a')).ino, calls.stat(c.at('b')).ino], [b, a], 'inos')
  })

  it('EXCHANGE of two directories', { tree }, c => {
    calls.rename(c.at('d'), c.at('e'), C.RENAME_EXCHANGE)
    equal(calls.names(c.at('d')), ['sub', 'y'], 'names in the first')
    equal(calls.names(c.at('e')), ['x'], 'names in the second')
    equal(calls.readText(c.at('d', 'sub', 'z')), 'z', 'contents')
    calls.rename(c.at('d'), c.at('e'), C.RENAME_EXCHANGE)
    equal(calls.readText(c.at('e', 'sub', 'z')), 'z', 'contents when back')
  })

  it('EXCHANGE of a file and a directory', { tree }, c => {
    calls.rename(c.at('a'), c.at('e'), C.RENAME_EXCHANGE)
    equal(calls.readText(c.at('e')), 'A', 'the file')
    equal(calls.readText(c.at('a', 'sub', 'z')), 'z', 'in the directory')
  })

  it('EXCHANGE of other kinds', { tree }, c => {
    calls.rename(c.at('l'), c.at('p'), C.RENAME_EXCHANGE)
    equal(calls.lstat(c.at('l')).mode & C.S_IFMT, C.S_IFIFO, 'type')
    equal(calls.readlink(c.at('p')), 'a', 'target')
    calls.rename(c.at('p'), c.at('d'), C.RENAME_EXCHANGE)
    equal(calls.readlink(c.at('d')), 'a', 'target in the place of a directory')
    equal(calls.readText(c.at('p', 'x')), 'dx', 'directory in the place of a fifo')
  })

  it('EXCHANGE across directories', { tree }, c => {
    calls.rename(c.at('d', 'x'), c.at('e', 'y'), C.RENAME_EXCHANGE)
    equal(
      [calls.readText(c.at('d', 'x')), calls.readText(c.at('e', 'y'))],
      ['ey', 'dx'],
      'contents',
    )
    calls.rename(c.at('d'), c.at('e', 'sub'), C.RENAME_EXCHANGE)
    equal(calls.readText(c.at('d', 'z')), 'z', 'the sub-directory, moved up')
    equal(calls.readText(c.at('e', 'sub', 'x')), 'ey', 'the directory, moved down')
  })

  it('EXCHANGE wants both names', { tree }, c => {
    fails('ENOENT', () => calls.rename(c.at('a'), c.at('none'), C.RENAME_EXCHANGE))
    fails('ENOENT', () => calls.rename(c.at('none'), c.at('a'), C.RENAME_EXCHANGE))
    calls.unlink(c.at('b'))
    fails('ENOENT', () => calls.rename(c.at('a'), c.at('b'), C.RENAME_EXCHANGE))
    equal(calls.readText(c.at('a')), 'A', 'contents')
  })

  it('EXCHANGE with itself', { tree }, c => {
    calls.rename(c.at('a'), c.at('a'), C.RENAME_EXCHANGE)
    equal(calls.readText(c.at('a')), 'A', 'contents')
  })

  it('EXCHANGE with an own ancestor', { tree }, c => {
    fails('EINVAL', () => calls.rename(c.at('e'), c.at('e', 'sub'), C.RENAME_EXCHANGE))
    fails('EINVAL', () => calls.rename(c.at('e', 'sub'), c.at('e'), C.RENAME_EXCHANGE))
    equal(calls.readText(c.at('e', 'sub', 'z')), 'z', 'contents')
  })

  it(
    'EXCHANGE of two names of one file',
    { tree: { a: file('1'), b: hardlink('a') } },
    c => {
      calls.rename(c.at('a'), c.at('b'), C.RENAME_EXCHANGE)
      equal(calls.names(c.dir), ['a', 'b'], 'names')
      equal(calls.stat(c.at('a')).nlink, 2, 'nlink')
    },
  )

  it('EXCHANGE with files open', { tree }, c => {
    const [a, b] = [calls.open(c.at('a'), C.O_RDWR), calls.open(c.at('b'), C.O_RDWR)]
    calls.rename(c.at('a'), c.at('b'), C.RENAME_EXCHANGE)
    calls.pwrite(a, '1', 0)
    calls.pwrite(b, '2', 0)
    calls.close(a)
    calls.close(b)
    equal([calls.readText(c.at('a')), calls.readText(c.at('b'))], ['2', '1'], 'contents')
  })

  it('what was exchanged can be removed and made again', { tree }, c => {
    calls.rename(c.at('d'), c.at('e'), C.RENAME_EXCHANGE)
    calls.removeTree(c.at('d'))
    check(!calls.exists(c.at('d')), 'gone')
    calls.mkdir(c.at('d'))
    equal(calls.names(c.at('d')), [], 'names of the new one')
    equal(calls.readText(c.at('e', 'x')), 'dx', 'contents of the other')
  })

  it('wrong flags', { tree }, c => {
    const both = C.RENAME_NOREPLACE | C.RENAME_EXCHANGE
    fails('EINVAL', () => calls.rename(c.at('a'), c.at('b'), both))
    fails('EINVAL', () => calls.rename(c.at('a'), c.at('b'), 1 << 10))
    equal(calls.readText(c.at('b')), 'B', 'contents')
  })
})
