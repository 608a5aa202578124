// mknod(2): FIFOs, sockets, devices and plain files, and that they work as what they are.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { block, character, fifo, file, socket, type Tree } from '../../helpers/tree.js'
import { alice, as } from '../../helpers/users.js'
import { equal, equalMode, fails, property } from '../property.js'

const tree: Tree = { f: file('x'), pipe: fifo(), sock: socket() }

const devices: Tree = {
  zero: character(1, 5, { mode: 0o666 }),
  odd: character(511, 262_143),
  loop: block(7, 200, { mode: 0o600 }),
}

export default property('mknod', it => {
  it('makes fifos and sockets', { tree }, c => {
    calls.mknod(c.at('p'), C.S_IFIFO | 0o640)
    calls.mknod(c.at('s'), C.S_IFSOCK | 0o600)
    calls.mknod(c.at('r'), C.S_IFREG | 0o644)
    equal(calls.lstat(c.at('p')).mode, C.S_IFIFO | 0o640, 'mode of the fifo')
    equal(calls.lstat(c.at('s')).mode, C.S_IFSOCK | 0o600, 'mode of the socket')
    equal(calls.lstat(c.at('r')).mode, C.S_IFREG | 0o644, 'mode of the file')
    calls.writeFile(c.at('r'), 'data')
    equal(calls.readText(c.at('r')), 'data', 'contents of the file')
  })

  it('mode 0 type means a plain file', { tree }, c => {
    calls.mknod(c.at('r'), 0o600)
    equal(calls.lstat(c.at('r')).mode, C.S_IFREG | 0o600, 'mode')
  })

  it('refuses existing names and wrong paths', { tree }, c => {
    for (const name of Object.keys(tree)) {
      fails('EEXIST', () => calls.mknod(c.at(name), C.S_IFIFO | 0o644))
    }
    fails('ENOENT', () => calls.mknod(c.at('none', 'x'), C.S_IFIFO | 0o644))
    fails('ENOTDIR', () => calls.mknod(c.at('f', 'x'), C.S_IFIFO | 0o644))
    fails('EPERM', () => calls.mknod(c.at('x'), C.S_IFDIR | 0o755))
  })

  it('makes devices', { tree, needs: ['privileged'] }, c => {
    calls.mknod(c.at('c'), C.S_IFCHR | 0o600, 1, 3)
    calls.mknod(c.at('b'), C.S_IFBLK | 0o640, 7, 300)
    const [ch, bl] = [calls.lstat(c.at('c')), calls.lstat(c.at('b'))]
    equal([ch.mode, ch.rdev], [C.S_IFCHR | 0o600, '1:3'], 'character device')
    equal([bl.mode, bl.rdev], [C.S_IFBLK | 0o640, '7:300'], 'block device')
  })

  it(
    'devices keep their numbers when they change',
    { tree: devices, needs: ['privileged'] },
    c => {
      equal(calls.lstat(c.at('zero')).rdev, '1:5', 'rdev')
      equal(calls.lstat(c.at('odd')).rdev, '511:262143', 'rdev of a large number')
      equal(calls.lstat(c.at('loop')).rdev, '7:200', 'rdev of a block device')
      for (const name of ['zero', 'odd', 'loop']) {
        const before = calls.lstat(c.at(name))
        calls.chmod(c.at(name), 0o640)
        calls.rename(c.at(name), c.at(`${name}2`))
        const after = calls.lstat(c.at(`${name}2`))
        equal(after.rdev, before.rdev, `rdev of ${name}`)
        equal(after.mode, (before.mode & C.S_IFMT) | 0o640, `mode of ${name}`)
        equal(after.ino, before.ino, `ino of ${name}`)
      }
    },
  )

  it('a character device works', { tree: devices, needs: ['privileged'] }, c => {
    calls.withOpen(c.at('zero'), C.O_RDWR, fd => {
      equal(calls.read(fd, 4).toString('hex'), '00000000', 'bytes of /dev/zero')
      equal(calls.write(fd, 'xyz'), 3, 'bytes taken')
    })
  })

  it('an ordinary user makes no devices', { tree, needs: ['root'] }, c => {
    as(alice, () => {
      fails('EPERM', () => calls.mknod(c.at('c'), C.S_IFCHR | 0o600, 1, 3))
      fails('EPERM', () => calls.mknod(c.at('b'), C.S_IFBLK | 0o600, 7, 0))
      calls.mknod(c.at('p'), C.S_IFIFO | 0o600)
      equal(calls.lstat(c.at('p')).uid, alice.uid, 'owner of his fifo')
    })
  })

  it('a fifo carries data between processes', { tree }, async c => {
    const reader = await c.agent()
    const opened = reader.call('open', c.at('pipe'), C.O_RDONLY)
    const writer = await c.agent()
    const out = await writer.call('open', c.at('pipe'), C.O_WRONLY)
    const into = await opened
    await writer.call('write', out, 'through the fifo')
    const answer = await reader.ask('read', into, 100)
    equal(answer.rest[0], 'through the fifo', 'data')
    await writer.call('close', out)
    equal(await reader.call('read', into, 100), 0, 'end of file')
    equal(calls.lstat(c.at('pipe')).size, 0, 'size')
  })

  it('a fifo renamed and chmodded while open', { tree }, async c => {
    const reader = await c.agent()
    const into = await reader.call('open', c.at('pipe'), C.O_RDONLY | C.O_NONBLOCK)
    calls.chmod(c.at('pipe'), 0o600)
    calls.rename(c.at('pipe'), c.at('pipe2'))
    equalMode(calls.lstat(c.at('pipe2')).mode, 0o600, 'mode')
    calls.withOpen(c.at('pipe2'), C.O_WRONLY | C.O_NONBLOCK, fd => {
      calls.write(fd, 'still one')
    })
    equal((await reader.ask('read', into, 100)).rest[0], 'still one', 'data')
  })

  it('a socket takes connections', {}, async c => {
    const server = await c.agent()
    await server.call('chdir', c.dir)
    await server.call('bind', 'listening')
    equal(calls.lstat(c.at('listening')).mode & C.S_IFMT, C.S_IFSOCK, 'type')
    const client = await c.agent()
    await client.call('chdir', c.dir)
    await client.call('connect', 'listening')
    const again = await server.attempt(5000, 'bind', 'listening')
    equal(again.value, -98, 'bind to the name in use')
    calls.rename(c.at('listening'), c.at('moved'))
    await client.call('connect', 'moved')
  })
})
