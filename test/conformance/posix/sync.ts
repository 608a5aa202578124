// fsync(2) and its relatives succeed on whatever can be synchronised.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, type Tree } from '../../helpers/tree.js'
import { equal, fails, property } from '../property.js'

const tree: Tree = { f: file('hello'), d: dir({ a: file('a') }), p: fifo() }

export default property('sync', it => {
  it('fsync and fdatasync of a file', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.write(fd, 'HELLO')
      calls.fdatasync(fd)
      calls.fsync(fd)
    })
    equal(calls.readText(c.at('f')), 'HELLO', 'contents')
  })

  it('fsync of a file open for reading', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      calls.fsync(fd)
      calls.fdatasync(fd)
    })
  })

  it('fsync of a removed file', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    calls.write(fd, 'x')
    calls.unlink(c.at('f'))
    calls.fsync(fd)
    calls.close(fd)
  })

  it('fsync of a directory', { tree }, c => {
    calls.withOpen(c.at('d'), C.O_RDONLY | C.O_DIRECTORY, fd => {
      calls.fsync(fd)
      calls.writeFile(c.at('d', 'n'), 'new')
      calls.rename(c.at('d', 'a'), c.at('d', 'b'))
      calls.fsync(fd)
      calls.fdatasync(fd)
    })
    equal(calls.names(c.at('d')), ['b', 'n'], 'names')
  })

  it('fsync of a renamed directory', { tree }, c => {
    calls.rename(c.at('d'), c.at('e'))
    calls.withOpen(c.at('e'), C.O_RDONLY | C.O_DIRECTORY, fd => calls.fsync(fd))
  })

  it('syncfs', { tree }, c => {
    calls.writeFile(c.at('f'), 'y'.repeat(100_000))
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => calls.syncfs(fd))
    equal(calls.stat(c.at('f')).size, 100_000, 'size')
  })

  it('a fifo cannot be synchronised', { tree }, c => {
    calls.withOpen(c.at('p'), C.O_RDONLY | C.O_NONBLOCK, fd => {
      fails('EINVAL', () => calls.fsync(fd))
    })
  })
})
