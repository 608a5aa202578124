// truncate(2) and ftruncate(2): sizes exactly, old data gone, zeros where nothing was written.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, symlink, type Tree } from '../../helpers/tree.js'
import { alice } from '../../helpers/users.js'
import { check, equal, fails, failsThere, property } from '../property.js'

const tree: Tree = {
  f: file('x'.repeat(10_000)),
  small: file('hello', { mode: 0o644 }),
  d: dir(),
  'to-small': symlink('small'),
  p: fifo(),
}

export default property('truncate', it => {
  it('to all sizes', { tree }, c => {
    for (const size of [9999, 8192, 4097, 4096, 4095, 1, 0, 1, 100, 65_536, 1_000_000]) {
      calls.withOpen(c.at('f'), C.O_RDWR, fd => calls.ftruncate(fd, size))
      equal(calls.stat(c.at('f')).size, size, 'size')
      equal(calls.readFile(c.at('f')).length, size, 'bytes read')
    }
  })

  it('shrinking and growing again gives zeros', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.ftruncate(fd, 5000)
      calls.ftruncate(fd, 10_000)
      const data = calls.pread(fd, 20_000, 0)
      equal(data.length, 10_000, 'size')
      check(
        data.subarray(0, 5000).every(b => b === 0x78),
        'the part that was kept',
      )
      check(
        data.subarray(5000).every(b => b === 0),
        'the part that was cut',
      )
    })
  })

  it('a reader sees the cut', { tree }, c => {
    const reader = calls.open(c.at('f'), C.O_RDONLY)
    equal(calls.pread(reader, 20_000, 0).length, 10_000, 'before')
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.ftruncate(fd, 100))
    equal(calls.pread(reader, 20_000, 0).length, 100, 'after')
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.ftruncate(fd, 300))
    const data = calls.pread(reader, 20_000, 0)
    equal(data.length, 300, 'after growing')
    check(
      data.subarray(100).every(b => b === 0),
      'zeros',
    )
    calls.close(reader)
  })

  it('by name, through a link', { tree }, async c => {
    const agent = await c.agent()
    await agent.call('truncate', c.at('small'), 2)
    equal(calls.readText(c.at('small')), 'he', 'contents')
    await agent.call('truncate', c.at('to-small'), 4)
    equal(
      calls.readText(c.at('small')),
      'he\0\0',
      'contents after growing through the link',
    )
  })

  it('what cannot be truncated', { tree }, async c => {
    const agent = await c.agent()
    await failsThere('EISDIR', agent.call('truncate', c.at('d'), 0))
    await failsThere('ENOENT', agent.call('truncate', c.at('none'), 0))
    await failsThere('ENOTDIR', agent.call('truncate', c.at('small', 'x'), 0))
    await failsThere('EINVAL', agent.call('truncate', c.at('small'), -1))
    await failsThere('EINVAL', agent.call('truncate', c.at('p'), 0))
    calls.withOpen(c.at('small'), C.O_RDONLY, fd =>
      fails('EINVAL', () => calls.ftruncate(fd, 0)),
    )
    equal(calls.readText(c.at('small')), 'hello', 'contents')
  })

  it('without permission', { tree, needs: ['root'] }, async c => {
    const user = await c.agent(alice)
    await failsThere('EACCES', user.call('truncate', c.at('small'), 0))
    equal(calls.readText(c.at('small')), 'hello', 'contents')
  })

  it('growing makes a hole', { tree }, c => {
    calls.withOpen(c.at('small'), C.O_RDWR, fd => {
      calls.ftruncate(fd, 100_000_000)
      check(calls.fstat(fd).blocks < 1000, 'few blocks')
      equal(calls.pread(fd, 7, 0).toString(), 'hello\0\0', 'start')
      equal(calls.pread(fd, 10, 99_999_995).length, 5, 'bytes at the end')
    })
  })

  it('too large', { tree }, c => {
    calls.withOpen(c.at('small'), C.O_RDWR, fd => {
      fails(['EFBIG', 'EINVAL'], () => calls.ftruncate(fd, 2 ** 53 - 1))
      equal(calls.fstat(fd).size, 5, 'size')
    })
  })

  it('writes after a cut by another descriptor', { tree }, c => {
    const writer = calls.open(c.at('small'), C.O_RDWR)
    calls.write(writer, 'HEL')
    calls.withOpen(c.at('small'), C.O_WRONLY, fd => calls.ftruncate(fd, 0))
    calls.write(writer, 'LO')
    calls.close(writer)
    equal(calls.readText(c.at('small')), '\0\0\0LO', 'contents')
  })
})
