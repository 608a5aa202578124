// unlink(2), and what is left of a file or directory that is removed while it is open.
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

const tree: Tree = {
  f: file('hello'),
  d: dir({ a: file('a'), sub: dir() }),
  'to-f': symlink('f'),
  dangling: symlink('nothing'),
  pipe: fifo(),
  sock: socket(),
}

/** iterate_dir answers ENOENT for a removed directory; its `.` and `..` would do as well. */
function entriesOfRemoved(fd: number): string[] {
  try {
    return calls.namesOf(calls.restOf(fd))
  } catch (error) {
    if (error instanceof calls.CallError && error.code === 'ENOENT') return []
    throw error
  }
}

export default property('unlink', it => {
  it('removes every kind but directories', { tree }, c => {
    for (const name of ['f', 'to-f', 'dangling', 'pipe', 'sock']) {
      calls.unlink(c.at(name))
      fails('ENOENT', () => calls.lstat(c.at(name)))
      fails('ENOENT', () => calls.unlink(c.at(name)))
    }
    fails('EISDIR', () => calls.unlink(c.at('d')))
    equal(calls.names(c.dir), ['d'], 'names left')
  })

  it('removes the link, not what it points to', { tree }, c => {
    calls.unlink(c.at('to-f'))
    equal(calls.readText(c.at('f')), 'hello', 'contents')
  })

  it('wrong paths', { tree }, c => {
    fails('ENOENT', () => calls.unlink(c.at('none')))
    fails('ENOENT', () => calls.unlink(c.at('none', 'x')))
    fails('ENOTDIR', () => calls.unlink(c.at('f', 'x')))
    fails('ENOTDIR', () => calls.unlink(`${c.at('f')}/`))
    fails('EISDIR', () => calls.unlink(`${c.at('d')}/`))
  })

  it('a name can be made again, many times', { tree }, c => {
    for (let i = 0; i < 20; i++) {
      calls.unlink(c.at('f'))
      check(!calls.exists(c.at('f')), 'gone')
      calls.writeFile(c.at('f'), `round ${i}`)
      equal(calls.readText(c.at('f')), `round ${i}`, 'contents')
    }
    equal(calls.names(c.dir).length, 6, 'count of names')
  })

  it('an open file outlives its name', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    calls.unlink(c.at('f'))
    equal(calls.fstat(fd).nlink, 0, 'nlink')
    equal(calls.pread(fd, 10, 0).toString(), 'hello', 'contents')
    calls.pwrite(fd, 'HELLO, WORLD', 0)
    equal(calls.fstat(fd).size, 12, 'size after a write')
    equal(calls.pread(fd, 20, 0).toString(), 'HELLO, WORLD', 'contents after a write')
    calls.ftruncate(fd, 3)
    equal(calls.fstat(fd).size, 3, 'size after ftruncate')
    calls.close(fd)
    check(!calls.exists(c.at('f')), 'no name')
  })

  it('a file open for reading outlives its name', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDONLY)
    calls.unlink(c.at('f'))
    equal(calls.fstat(fd).nlink, 0, 'nlink')
    equal(calls.readAll(fd).toString(), 'hello', 'contents')
    calls.close(fd)
  })

  it('attributes of an open file without a name', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    calls.unlink(c.at('f'))
    calls.fchmod(fd, 0o604)
    calls.utimens([fd, ''], 1_000_000_007n, 2_000_000_009n, C.AT_EMPTY_PATH)
    calls.setxattr([fd, ''], 'user.x', 'y')
    const stat = calls.fstat(fd)
    equalMode(stat.mode, 0o604, 'mode')
    equal(stat.mtime, 2_000_000_009n, 'mtime')
    equal(calls.getxattr([fd, ''], 'user.x').toString(), 'y', 'attribute')
    equal(calls.listxattr([fd, '']).includes('user.x'), true, 'attribute in the list')
    calls.removexattr([fd, ''], 'user.x')
    fails('ENODATA', () => calls.getxattr([fd, ''], 'user.x'))
    calls.fsync(fd)
    calls.close(fd)
  })

  it('the owner of an open file without a name', { tree, needs: ['root'] }, c => {
    const fd = calls.open(c.at('f'), C.O_RDONLY)
    calls.unlink(c.at('f'))
    calls.fchown(fd, 77, 78)
    equal([calls.fstat(fd).uid, calls.fstat(fd).gid], [77, 78], 'owner')
    calls.close(fd)
  })

  it('an O_PATH descriptor of a removed file', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_PATH)
    calls.unlink(c.at('f'))
    equal(calls.fstat(fd).nlink, 0, 'nlink')
    const again = calls.open(`/proc/self/fd/${fd}`, C.O_RDONLY)
    equal(calls.readAll(again).toString(), 'hello', 'contents when opened anew')
    calls.close(again)
    calls.close(fd)
  })

  it('a removed and a new file of one name are two files', { tree }, c => {
    const old = calls.open(c.at('f'), C.O_RDWR)
    calls.unlink(c.at('f'))
    calls.writeFile(c.at('f'), 'the new one')
    calls.pwrite(old, 'OLD', 0)
    equal(calls.readText(c.at('f')), 'the new one', 'the new file')
    equal(calls.pread(old, 10, 0).toString(), 'OLDlo', 'the old file')
    calls.close(old)
  })

  it('a removed file cannot be linked again', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    calls.unlink(c.at('f'))
    fails('ENOENT', () =>
      calls.link(`/proc/self/fd/${fd}`, c.at('back'), C.AT_SYMLINK_FOLLOW),
    )
    calls.close(fd)
  })

  it('other names of the file stay', { tree: { a: file('1'), b: hardlink('a') } }, c => {
    const fd = calls.open(c.at('a'), C.O_RDWR)
    calls.unlink(c.at('a'))
    equal(calls.fstat(fd).nlink, 1, 'nlink')
    calls.pwrite(fd, '2', 0)
    equal(calls.readText(c.at('b')), '2', 'contents by the other name')
    calls.unlink(c.at('b'))
    equal(calls.fstat(fd).nlink, 0, 'nlink after the last')
    equal(calls.pread(fd, 1, 0).toString(), '2', 'contents after the last')
    calls.close(fd)
  })

  it('a removed directory that is open', { tree }, c => {
    calls.unlink(c.at('d', 'a'))
    const fd = calls.open(c.at('d', 'sub'), C.O_RDONLY | C.O_DIRECTORY)
    calls.rmdir(c.at('d', 'sub'))
    equal(calls.fstat(fd).nlink, 0, 'nlink')
    equal(entriesOfRemoved(fd), [], 'entries')
    fails('ENOENT', () => calls.writeFile([fd, 'x'], ''))
    fails('ENOENT', () => calls.mkdir([fd, 'x']))
    fails('ENOENT', () => calls.symlink('x', [fd, 'x']))
    fails('ENOENT', () => calls.rename(c.at('f'), [fd, 'x']))
    fails('ENOENT', () => calls.link(c.at('f'), [fd, 'x']))
    fails('ENOENT', () => calls.lstat([fd, 'x']))
    calls.close(fd)
  })

  it('a removed directory and a new one of the same name', { tree }, c => {
    const fd = calls.open(c.at('d', 'sub'), C.O_RDONLY | C.O_DIRECTORY)
    calls.rmdir(c.at('d', 'sub'))
    calls.mkdir(c.at('d', 'sub'))
    calls.writeFile(c.at('d', 'sub', 'new'), '')
    equal(entriesOfRemoved(fd), [], 'entries of the old one')
    calls.close(fd)
    equal(calls.names(c.at('d', 'sub')), ['new'], 'entries of the new one')
  })

  it('a removed current directory', { tree }, async c => {
    const agent = await c.agent()
    await agent.call('chdir', c.at('d', 'sub'))
    calls.rmdir(c.at('d', 'sub'))
    equal((await agent.attempt(5000, 'getcwd')).value, -2, 'getcwd')
    const list = await agent.call('opendir', '.')
    equal(await agent.call('readdir', list), 0, 'entries of an empty removed directory')
    const made = await agent.attempt(5000, 'open', 'x', C.O_RDWR | C.O_CREAT, 0o644)
    equal(made.value, -2, 'making a file in it')
    const up = await agent.ask('stat', '..')
    equal(up.rest[0], `ino=${calls.stat(c.at('d')).ino}`, 'inode of ..')
  })

  it('a removed tree with open files in it', { tree }, c => {
    const fd = calls.open(c.at('d', 'a'), C.O_RDWR)
    const top = calls.open(c.at('d'), C.O_PATH)
    calls.removeTree(c.at('d'))
    calls.mkdir(c.at('d'))
    equal(calls.pread(fd, 5, 0).toString(), 'a', 'contents')
    calls.pwrite(fd, 'bb', 0)
    equal(calls.pread(fd, 5, 0).toString(), 'bb', 'contents after a write')
    fails('ENOENT', () => calls.lstat([top, 'a']))
    calls.close(fd)
    calls.close(top)
    equal(calls.names(c.at('d')), [], 'names in the new directory')
  })

  it('a big open file gives its space back when closed', {}, c => {
    const fd = calls.open(c.at('big'), C.O_RDWR | C.O_CREAT)
    calls.fallocate(fd, 0, 0, 64 << 20)
    const directory = calls.open(c.dir, C.O_RDONLY)
    const full = calls.fstatfs(directory).bfree
    calls.unlink(c.at('big'))
    calls.fsync(fd)
    calls.close(fd)
    const deadline = Date.now() + 5000
    let gained = 0n
    while (gained < 4000n && Date.now() < deadline) {
      // Delayed work of the filesystem: an fsync makes it happen.
      calls.fsync(directory)
      gained = calls.fstatfs(directory).bfree - full
    }
    calls.close(directory)
    check(gained >= 4000n, `64 MiB came back (${gained} blocks did)`)
  })
})
