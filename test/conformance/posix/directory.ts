// mkdir(2) and rmdir(2): what they make, what they refuse.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, symlink, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'

const tree: Tree = {
  f: file('x'),
  d: dir({ e: dir(), full: dir({ a: file('a') }) }),
  'to-d': symlink('d'),
  dangling: symlink('nothing'),
  pipe: fifo(),
}

export default property('directory', it => {
  it('mkdir refuses what exists', { tree }, c => {
    for (const name of Object.keys(tree)) fails('EEXIST', () => calls.mkdir(c.at(name)))
    fails('EEXIST', () => calls.mkdir(c.at('d', '.')))
    fails('EEXIST', () => calls.mkdir(c.at('d', '..')))
    check(!calls.exists(c.at('nothing')), 'the dangling link was not followed')
  })

  it('mkdir wants a directory to be in', { tree }, c => {
    fails('ENOENT', () => calls.mkdir(c.at('none', 'x')))
    fails('ENOTDIR', () => calls.mkdir(c.at('f', 'x')))
    fails('ENOTDIR', () => calls.mkdir(c.at('pipe', 'x')))
    calls.mkdir(c.at('to-d', 'x'))
    equal(calls.names(c.at('d')), ['e', 'full', 'x'], 'names behind the link')
  })

  it('mkdir takes a slash at the end', { tree }, c => {
    calls.mkdir(`${c.at('slash')}/`)
    equal(calls.lstat(c.at('slash')).mode & C.S_IFMT, C.S_IFDIR, 'type')
  })

  it('a new directory is empty and can be used', { tree }, c => {
    calls.mkdir(c.at('n'))
    equal(calls.names(c.at('n')), [], 'names')
    calls.writeFile(c.at('n', 'a'), '1')
    calls.mkdir(c.at('n', 'b'))
    equal(calls.names(c.at('n')), ['a', 'b'], 'names after making two')
  })

  it('rmdir removes an empty directory', { tree }, c => {
    calls.rmdir(c.at('d', 'e'))
    fails('ENOENT', () => calls.lstat(c.at('d', 'e')))
    equal(calls.names(c.at('d')), ['full'], 'names')
    fails('ENOENT', () => calls.rmdir(c.at('d', 'e')))
  })

  it('rmdir refuses a directory with entries', { tree }, c => {
    fails('ENOTEMPTY', () => calls.rmdir(c.at('d')))
    fails('ENOTEMPTY', () => calls.rmdir(c.at('d', 'full')))
    equal(calls.readText(c.at('d', 'full', 'a')), 'a', 'the file is still there')
  })

  it('rmdir after its entries were removed', { tree }, c => {
    calls.unlink(c.at('d', 'full', 'a'))
    calls.rmdir(c.at('d', 'full'))
    calls.rmdir(c.at('d', 'e'))
    calls.rmdir(c.at('d'))
    check(!calls.exists(c.at('d')), 'the directory is gone')
    fails('ENOENT', () => calls.stat(c.at('to-d')))
  })

  it('a directory made again is empty', { tree }, c => {
    calls.unlink(c.at('d', 'full', 'a'))
    calls.rmdir(c.at('d', 'full'))
    calls.mkdir(c.at('d', 'full'))
    equal(calls.names(c.at('d', 'full')), [], 'names')
    fails('ENOENT', () => calls.stat(c.at('d', 'full', 'a')))
    calls.writeFile(c.at('d', 'full', 'a'), 'new')
    equal(calls.readText(c.at('d', 'full', 'a')), 'new', 'contents')
  })

  it('a directory in the place of a file, and back', { tree }, c => {
    calls.unlink(c.at('f'))
    calls.mkdir(c.at('f'))
    calls.writeFile(c.at('f', 'in'), '1')
    equal(calls.names(c.at('f')), ['in'], 'names')
    calls.unlink(c.at('f', 'in'))
    calls.rmdir(c.at('f'))
    calls.writeFile(c.at('f'), 'again')
    equal(calls.readText(c.at('f')), 'again', 'contents')
    calls.unlink(c.at('d', 'full', 'a'))
    calls.rmdir(c.at('d', 'full'))
    calls.writeFile(c.at('d', 'full'), 'file')
    equal(calls.readText(c.at('d', 'full')), 'file', 'contents of what was a directory')
  })

  it('a tree made again does not show the old one', { tree }, c => {
    calls.removeTree(c.at('d'))
    calls.mkdir(c.at('d'))
    equal(calls.names(c.at('d')), [], 'names')
    calls.mkdir(c.at('d', 'full'))
    equal(calls.names(c.at('d', 'full')), [], 'names one level down')
    calls.removeTree(c.at('d'))
    check(!calls.exists(c.at('d')), 'gone again')
  })

  it('rmdir takes directories only', { tree }, c => {
    for (const name of ['f', 'to-d', 'dangling', 'pipe']) {
      fails('ENOTDIR', () => calls.rmdir(c.at(name)))
    }
    fails('ENOTDIR', () => calls.rmdir(`${c.at('f')}/`))
  })

  it('rmdir of dot names', { tree }, c => {
    fails('EINVAL', () => calls.rmdir(c.at('d', 'e', '.')))
    fails('ENOTEMPTY', () => calls.rmdir(c.at('d', 'e', '..')))
    check(calls.exists(c.at('d', 'e')), 'the directory is still there')
  })

  it('rmdir takes a slash at the end', { tree }, c => {
    calls.rmdir(`${c.at('d', 'e')}/`)
    check(!calls.exists(c.at('d', 'e')), 'gone')
  })

  it('nlink counts sub-directories of a new directory', {}, c => {
    calls.mkdir(c.at('n'))
    const one = calls.stat(c.at('n')).nlink
    if (one === 1) return // A filesystem may keep 1 for all directories.
    equal(one, 2, 'nlink when empty')
    calls.mkdir(c.at('n', 'a'))
    calls.mkdir(c.at('n', 'b'))
    calls.writeFile(c.at('n', 'f'), '')
    equal(calls.stat(c.at('n')).nlink, 4, 'nlink with two')
    calls.rmdir(c.at('n', 'a'))
    equal(calls.stat(c.at('n')).nlink, 3, 'nlink with one')
    calls.rename(c.at('n', 'b'), c.at('b'))
    equal(calls.stat(c.at('n')).nlink, 2, 'nlink after one has moved out')
  })

  it('500 directories in one', { tree }, c => {
    for (let i = 0; i < 500; i++) calls.mkdir(c.at('d', `n${i}`))
    equal(calls.names(c.at('d')).length, 502, 'count')
    for (let i = 0; i < 500; i++) calls.rmdir(c.at('d', `n${i}`))
    equal(calls.names(c.at('d')), ['e', 'full'], 'names')
  })

  it('directories 100 deep', { tree }, c => {
    const parts = Array.from({ length: 100 }, (_, i) => `level${i}`)
    parts.forEach((_, i) => calls.mkdir(c.at('d', ...parts.slice(0, i + 1))))
    calls.writeFile(c.at('d', ...parts, 'bottom'), 'deep')
    equal(calls.readText(c.at('d', ...parts, 'bottom')), 'deep', 'contents')
    calls.removeTree(c.at('d', 'level0'))
    equal(calls.names(c.at('d')), ['e', 'full'], 'names')
  })
})
