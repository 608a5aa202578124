// open(2): what each flag does and which error comes first. Nothing about permissions (see
// permission.ts) or modes of what is created (see create-mode.ts).
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, socket, symlink, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'

const tree: Tree = {
  f: file('hello'),
  empty: file(''),
  d: dir({ inner: file('in') }),
  'to-f': symlink('f'),
  'to-d': symlink('d'),
  dangling: symlink('nothing'),
  loop1: symlink('loop2'),
  loop2: symlink('loop1'),
  pipe: fifo(),
  sock: socket(),
}

export default property('open', it => {
  it('O_CREAT opens what exists and makes what does not', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR | C.O_CREAT, fd => {
      equal(calls.readAll(fd).toString(), 'hello', 'contents of the existing file')
    })
    calls.withOpen(c.at('fresh'), C.O_RDWR | C.O_CREAT, fd => {
      equal(calls.fstat(fd).size, 0, 'size of the new file')
    })
    check(calls.exists(c.at('fresh')), 'the new name exists')
  })

  it('O_EXCL refuses every kind of existing name', { tree }, c => {
    for (const name of Object.keys(tree)) {
      fails('EEXIST', () => calls.open(c.at(name), C.O_RDWR | C.O_CREAT | C.O_EXCL))
    }
    check(!calls.exists(c.at('nothing')), 'the dangling link was not followed')
  })

  it('O_EXCL makes a name that was just removed', { tree }, c => {
    calls.unlink(c.at('f'))
    calls.withOpen(c.at('f'), C.O_RDWR | C.O_CREAT | C.O_EXCL, fd => {
      equal(calls.fstat(fd).size, 0, 'size')
      calls.write(fd, 'new')
    })
    equal(calls.readText(c.at('f')), 'new', 'contents')
  })

  it('O_CREAT follows a dangling link, O_NOFOLLOW does not', { tree }, c => {
    fails('ELOOP', () =>
      calls.open(c.at('dangling'), C.O_RDWR | C.O_CREAT | C.O_NOFOLLOW),
    )
    check(!calls.exists(c.at('nothing')), 'nothing was made')
    calls.close(calls.open(c.at('dangling'), C.O_RDWR | C.O_CREAT))
    equal(calls.lstat(c.at('nothing')).mode & C.S_IFMT, C.S_IFREG, 'type made')
  })

  it('O_TRUNC empties the file', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_WRONLY | C.O_TRUNC, fd => {
      equal(calls.fstat(fd).size, 0, 'size through the descriptor')
    })
    equal(calls.stat(c.at('f')).size, 0, 'size')
    equal(calls.stat(c.at('f')).blocks, 0, 'blocks')
    equal(calls.readText(c.at('f')), '', 'contents')
  })

  it('O_TRUNC through a link, with O_RDWR, then write', { tree }, c => {
    calls.withOpen(c.at('to-f'), C.O_RDWR | C.O_TRUNC, fd => {
      calls.write(fd, 'xy')
      equal(calls.pread(fd, 10, 0).toString(), 'xy', 'read back')
    })
    equal(calls.readText(c.at('f')), 'xy', 'contents by the other name')
  })

  it('O_TRUNC keeps other descriptors of the file usable', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    calls.close(calls.open(c.at('f'), C.O_WRONLY | C.O_TRUNC))
    equal(calls.fstat(fd).size, 0, 'size through the older descriptor')
    equal(calls.pread(fd, 5, 0).length, 0, 'bytes read')
    calls.pwrite(fd, 'abc', 0)
    calls.close(fd)
    equal(calls.readText(c.at('f')), 'abc', 'contents')
  })

  it('a reader opened before sees what O_TRUNC and a write did', { tree }, c => {
    const reader = calls.open(c.at('f'), C.O_RDONLY)
    equal(calls.pread(reader, 5, 0).toString(), 'hello', 'before')
    calls.withOpen(c.at('f'), C.O_WRONLY | C.O_TRUNC, fd => calls.write(fd, 'world!'))
    equal(calls.pread(reader, 10, 0).toString(), 'world!', 'after')
    equal(calls.fstat(reader).size, 6, 'size')
    calls.close(reader)
  })

  it('O_APPEND writes at the end whatever the position', { tree }, c => {
    const one = calls.open(c.at('f'), C.O_WRONLY | C.O_APPEND)
    const two = calls.open(c.at('f'), C.O_RDWR | C.O_APPEND)
    calls.write(one, '1')
    calls.write(two, '2')
    calls.lseek(one, 0, C.SEEK_SET)
    calls.write(one, '3')
    equal(calls.lseek(one, 0, C.SEEK_CUR), 8, 'position after the write')
    calls.pwrite(two, '4', 0)
    calls.close(one)
    calls.close(two)
    equal(calls.readText(c.at('f')), 'hello1234', 'contents')
  })

  it('O_APPEND goes to the end that another descriptor made', { tree }, c => {
    const append = calls.open(c.at('f'), C.O_WRONLY | C.O_APPEND)
    const other = calls.open(c.at('f'), C.O_WRONLY)
    calls.pwrite(other, 'XXX', 7)
    calls.write(append, 'end')
    calls.ftruncate(other, 2)
    calls.write(append, '!')
    calls.close(append)
    calls.close(other)
    equal(calls.readText(c.at('f')), 'he!', 'contents')
  })

  it('O_DIRECTORY takes directories only', { tree }, c => {
    calls.close(calls.open(c.at('d'), C.O_RDONLY | C.O_DIRECTORY))
    calls.close(calls.open(c.at('to-d'), C.O_RDONLY | C.O_DIRECTORY))
    for (const name of ['f', 'to-f', 'pipe', 'sock']) {
      fails('ENOTDIR', () => calls.open(c.at(name), C.O_RDONLY | C.O_DIRECTORY))
    }
    fails('ENOENT', () => calls.open(c.at('dangling'), C.O_RDONLY | C.O_DIRECTORY))
  })

  it('a directory opens for reading only', { tree }, c => {
    fails('EISDIR', () => calls.open(c.at('d'), C.O_WRONLY))
    fails('EISDIR', () => calls.open(c.at('d'), C.O_RDWR))
    fails('EISDIR', () => calls.open(c.at('d'), C.O_RDONLY | C.O_TRUNC))
    fails('EISDIR', () => calls.open(c.at('d'), C.O_RDONLY | C.O_CREAT))
    calls.withOpen(c.at('d'), C.O_RDONLY, fd => {
      fails('EISDIR', () => calls.read(fd, 1))
      fails('EBADF', () => calls.write(fd, 'x'))
    })
  })

  it('O_NOFOLLOW refuses links but not files behind linked directories', { tree }, c => {
    for (const name of ['to-f', 'to-d', 'dangling', 'loop1']) {
      fails('ELOOP', () => calls.open(c.at(name), C.O_RDONLY | C.O_NOFOLLOW))
    }
    calls.close(calls.open(c.at('to-d', 'inner'), C.O_RDONLY | C.O_NOFOLLOW))
    calls.close(calls.open(c.at('f'), C.O_RDONLY | C.O_NOFOLLOW))
  })

  it('O_PATH names without opening', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_PATH, fd => {
      fails('EBADF', () => calls.read(fd, 1))
      fails('EBADF', () => calls.ftruncate(fd, 0))
      equal(calls.fstat(fd).size, 5, 'size')
    })
    calls.withOpen(c.at('to-f'), C.O_PATH | C.O_NOFOLLOW, fd => {
      equal(calls.fstat(fd).mode & C.S_IFMT, C.S_IFLNK, 'type')
      equal(calls.readlink([fd, '']), 'f', 'target through the descriptor')
    })
    calls.withOpen(c.at('pipe'), C.O_PATH, fd => {
      equal(calls.fstat(fd).mode & C.S_IFMT, C.S_IFIFO, 'type of the fifo')
    })
    calls.withOpen(c.at('sock'), C.O_PATH, fd => {
      equal(calls.fstat(fd).mode & C.S_IFMT, C.S_IFSOCK, 'type of the socket')
    })
  })

  it('a name below an O_PATH directory', { tree }, c => {
    calls.withOpen(c.at('d'), C.O_PATH, fd => {
      equal(calls.readFile([fd, 'inner']).toString(), 'in', 'contents')
      calls.writeFile([fd, 'made'], 'm')
    })
    equal(calls.names(c.at('d')), ['inner', 'made'], 'names')
  })

  it('names that are not there', { tree }, c => {
    fails('ENOENT', () => calls.open(c.at('none'), C.O_RDONLY))
    fails('ENOENT', () => calls.open(c.at('none', 'x'), C.O_RDWR | C.O_CREAT))
    fails('ENOENT', () => calls.open(c.at('dangling'), C.O_RDONLY))
    fails('ENOENT', () => calls.open(c.at('dangling', 'x'), C.O_RDWR | C.O_CREAT))
    fails('ENOTDIR', () => calls.open(c.at('f', 'x'), C.O_RDWR | C.O_CREAT))
    fails('ENOTDIR', () => calls.open(c.at('pipe', 'x'), C.O_RDONLY))
    fails('ELOOP', () => calls.open(c.at('loop1'), C.O_RDONLY))
    fails('ELOOP', () => calls.open(c.at('loop1', 'x'), C.O_RDONLY))
  })

  it('a slash at the end means a directory', { tree }, c => {
    fails('ENOTDIR', () => calls.open(`${c.at('f')}/`, C.O_RDONLY))
    fails('EISDIR', () => calls.open(`${c.at('fresh')}/`, C.O_RDWR | C.O_CREAT))
    calls.close(calls.open(`${c.at('d')}/`, C.O_RDONLY))
    calls.close(calls.open(`${c.at('d')}/.`, C.O_RDONLY))
    equal(calls.stat(`${c.at('d')}/..`).ino, calls.stat(c.dir).ino, 'inode of ..')
  })

  it('a fifo and a socket', { tree }, c => {
    fails('ENXIO', () => calls.open(c.at('pipe'), C.O_WRONLY | C.O_NONBLOCK))
    calls.close(calls.open(c.at('pipe'), C.O_RDONLY | C.O_NONBLOCK))
    fails('ENXIO', () => calls.open(c.at('sock'), C.O_RDONLY))
  })

  it('a descriptor does only what it was opened for', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      fails('EBADF', () => calls.write(fd, 'x'))
      fails('EINVAL', () => calls.ftruncate(fd, 0))
      fails('EBADF', () => calls.fallocate(fd, 0, 0, 10))
    })
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => fails('EBADF', () => calls.read(fd, 1)))
    equal(calls.readText(c.at('f')), 'hello', 'contents')
  })

  it('O_SYNC and O_DSYNC', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_WRONLY | C.O_SYNC, fd => calls.write(fd, 'S'))
    calls.withOpen(c.at('f'), C.O_WRONLY | C.O_DSYNC, fd => calls.pwrite(fd, 'D', 1))
    equal(calls.readText(c.at('f')), 'SDllo', 'contents')
  })

  it('many descriptors of one file see one file', { tree }, c => {
    const fds = Array.from({ length: 50 }, () => calls.open(c.at('f'), C.O_RDWR))
    fds.forEach((fd, i) => calls.pwrite(fd, String(i % 10), i))
    const expected = fds.map((_, i) => String(i % 10)).join('')
    for (const fd of fds) {
      equal(calls.pread(fd, 100, 0).toString(), expected, 'contents')
      calls.close(fd)
    }
  })

  it('opening for writing and closing changes nothing', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.close(calls.open(c.at('f'), C.O_RDWR))
    const after = calls.stat(c.at('f'))
    equal(after.mtime, before.mtime, 'mtime')
    equal(after.ino, before.ino, 'ino')
    equal(calls.readText(c.at('f')), 'hello', 'contents')
  })

  it('each descriptor has its own position', { tree }, c => {
    const one = calls.open(c.at('f'), C.O_RDWR)
    const two = calls.open(c.at('f'), C.O_RDONLY)
    equal(calls.read(one, 2).toString(), 'he', 'first read')
    equal(calls.read(two, 3).toString(), 'hel', 'read through the second')
    calls.write(one, 'LL')
    equal(calls.read(two, 3).toString(), 'Lo', 'rest through the second')
    calls.close(one)
    calls.close(two)
  })
})
