// Names: every byte but NUL and slash, up to 255 of them; paths, as deep as one can go.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'

const LONGEST = 'n'.repeat(255)
const tree: Tree = { f: file('x'), d: dir({ a: file('a') }) }

const odd = [' ', '  a', 'a ', '-rf', '~', '*', '?', '\\', '\n', '\t', "'", '"', '$x', '`', '\x7f',
  'a:b', 'a,b', 'a=b', '#x', '...', '.hidden', 'Caf\xc3\xa9', 'caf\xe9', '\xff\xfe', '\xc0\x80',
  '\xed\xa0\x80', '\xf4\x90\x80\x80', 'CON', 'a\x01b'] // prettier-ignore

const oddTree: Tree = Object.fromEntries(odd.map(name => [name, file(`of ${name}`)]))

export default property('names', it => {
  it('of 255 bytes, not of 256', { tree }, c => {
    calls.writeFile(c.at(LONGEST), 'long')
    equal(calls.readText(c.at(LONGEST)), 'long', 'contents')
    calls.mkdir(c.at('d', LONGEST))
    calls.writeFile(c.at('d', LONGEST, LONGEST), 'deep')
    equal(calls.names(c.at('d')), ['a', LONGEST], 'names')
    const tooLong = `${LONGEST}n`
    fails('ENAMETOOLONG', () => calls.open(c.at(tooLong), C.O_RDWR | C.O_CREAT))
    fails('ENAMETOOLONG', () => calls.open(c.at(tooLong), C.O_RDONLY))
    fails('ENAMETOOLONG', () => calls.lstat(c.at(tooLong)))
    fails('ENAMETOOLONG', () => calls.mkdir(c.at(tooLong)))
    fails('ENAMETOOLONG', () => calls.mknod(c.at(tooLong), C.S_IFIFO | 0o644))
    fails('ENAMETOOLONG', () => calls.symlink('x', c.at(tooLong)))
    fails('ENAMETOOLONG', () => calls.link(c.at('f'), c.at(tooLong)))
    fails('ENAMETOOLONG', () => calls.rename(c.at('f'), c.at(tooLong)))
    fails('ENAMETOOLONG', () => calls.unlink(c.at(tooLong)))
    fails('ENAMETOOLONG', () => calls.rmdir(c.at(tooLong)))
    fails('ENAMETOOLONG', () => calls.lstat(c.at(tooLong, 'x')))
  })

  it(
    'of 255 bytes that are there from the start',
    { tree: { [LONGEST]: file('long') } },
    c => {
      equal(calls.readText(c.at(LONGEST)), 'long', 'contents')
      calls.chmod(c.at(LONGEST), 0o600)
      calls.rename(c.at(LONGEST), c.at('m'.repeat(255)))
      check(!calls.exists(c.at(LONGEST)), 'the old name is gone')
      calls.unlink(c.at('m'.repeat(255)))
      equal(calls.names(c.dir), [], 'names')
    },
  )

  it('of each single byte', {}, c => {
    const all: string[] = []
    for (let byte = 1; byte < 256; byte++) {
      const name = String.fromCharCode(byte)
      if (name === '/' || name === '.') continue
      calls.writeFile(c.at(name), String(byte))
      all.push(name)
    }
    equal(calls.names(c.dir), all.sort(), 'names')
    for (const name of all) {
      equal(calls.readText(c.at(name)), String(name.charCodeAt(0)), `contents of ${name}`)
    }
    for (const name of all) calls.unlink(c.at(name))
    equal(calls.names(c.dir), [], 'names when all are removed')
  })

  it('odd ones that are there from the start', { tree: oddTree }, c => {
    equal(calls.names(c.dir), [...odd].sort(), 'names')
    for (const name of odd) {
      equal(calls.readText(c.at(name)), `of ${name}`, `contents of ${name}`)
      calls.withOpen(c.at(name), C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, '!'))
      calls.rename(c.at(name), c.at(`${name}2`))
      equal(calls.readText(c.at(`${name}2`)), `of ${name}!`, `contents of ${name}2`)
    }
    equal(calls.names(c.dir), odd.map(name => `${name}2`).sort(), 'names after rename')
  })

  it('that differ by case or by normal form are different', {}, c => {
    for (const name of ['A', 'a', '\xc3\xa9', 'e\xcc\x81', '\xc3\x89']) {
      calls.withOpen(c.at(name), C.O_WRONLY | C.O_CREAT | C.O_EXCL, fd =>
        calls.write(fd, name),
      )
    }
    equal(calls.names(c.dir).length, 5, 'count')
    equal(calls.readText(c.at('A')), 'A', 'contents')
  })

  it('like those that formats of layers reserve', {}, c => {
    for (const name of ['.wh.f', '.wh..wh..opq', '.wh.', '#1', '#0', 'index', 'work']) {
      calls.writeFile(c.at(name), name)
      calls.mkdir(c.at(`${name}.d`))
    }
    equal(calls.readText(c.at('.wh.f')), '.wh.f', 'contents')
    equal(calls.names(c.dir).length, 14, 'count')
    calls.rename(c.at('.wh.f'), c.at('.wh.g'))
    calls.unlink(c.at('.wh.g'))
    equal(calls.exists(c.at('.wh.g')), false, 'removed')
  })

  it('paths up to PATH_MAX', { tree }, c => {
    const room = 4095 - c.at('d').length - 1
    const parts: string[] = []
    for (let left = room; left > 1; left -= 101)
      parts.push('p'.repeat(Math.min(100, left - 1)))
    let path = c.at('d')
    for (const part of parts) {
      path = `${path}/${part}`
      calls.mkdir(path)
    }
    check(path.length > 3990, `a path of ${path.length} bytes`)
    const file = `${path}/${'f'.repeat(4095 - path.length - 1)}`
    if (file.length > path.length + 1) {
      calls.writeFile(file, 'at the limit')
      equal(calls.readText(file), 'at the limit', 'contents')
      fails('ENAMETOOLONG', () => calls.open(`${file}x`, C.O_RDONLY))
    }
    calls.removeTree(c.at('d'))
  })

  it('deeper than PATH_MAX, step by step', { tree }, c => {
    const name = 'x'.repeat(250)
    const fds = [calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY)]
    for (let i = 0; i < 30; i++) {
      const top = fds.at(-1) ?? -1
      calls.mkdir([top, name])
      fds.push(calls.open([top, name], C.O_RDONLY | C.O_DIRECTORY))
    }
    const bottom = fds.at(-1) ?? -1
    calls.writeFile([bottom, 'f'], 'deep')
    equal(calls.readFile([bottom, 'f']).toString(), 'deep', 'contents')
    calls.rename([bottom, 'f'], [bottom, 'g'])
    calls.rename(c.at('f'), [bottom, 'f'])
    equal(calls.namesOf(calls.restOf(bottom)), ['f', 'g'], 'names at the bottom')
    calls.rename([bottom, 'f'], c.at('back'))
    calls.unlink([bottom, 'g'])
    for (let i = fds.length - 2; i >= 0; i--) calls.rmdir([fds[i] ?? -1, name])
    for (const fd of fds) calls.close(fd)
    equal(calls.names(c.at('d')), ['a'], 'names at the top')
  })
})
