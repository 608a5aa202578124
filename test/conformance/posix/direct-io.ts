// O_DIRECT, alone and beside cached I/O on the same file.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { file, type Tree } from '../../helpers/tree.js'
import { equal, property } from '../property.js'

const tree: Tree = { f: file('c'.repeat(16_384)) }
const A = 'a'.charCodeAt(0)
const B = 'b'.charCodeAt(0)

export default property('direct-io', it => {
  it('reads and writes whole blocks', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDWR | C.O_DIRECT)
    equal((await agent.ask('dpread', fd, 4096, 8192)).rest[0], 'c'.repeat(4096), 'before')
    equal(await agent.call('dpwrite', fd, 4096, 4096, A), 4096, 'bytes written')
    equal(
      (await agent.ask('dpread', fd, 4096, 4096)).rest[0],
      'a'.repeat(4096),
      'read back',
    )
    const expected = 'c'.repeat(4096) + 'a'.repeat(4096) + 'c'.repeat(8192)
    equal(calls.readText(c.at('f')), expected, 'contents by a cached read')
  })

  it('grows a file', {}, async c => {
    const agent = await c.agent()
    const fd = await agent.call(
      'open',
      c.at('n'),
      C.O_RDWR | C.O_CREAT | C.O_DIRECT,
      0o644,
    )
    for (let i = 0; i < 4; i++) await agent.call('dpwrite', fd, 8192, i * 8192, A + i)
    equal(calls.stat(c.at('n')).size, 32_768, 'size')
    equal(
      calls.readText(c.at('n')),
      ['a', 'b', 'c', 'd'].map(x => x.repeat(8192)).join(''),
      'contents',
    )
  })

  it('sees what cached writes wrote, and the reverse', { tree }, async c => {
    const agent = await c.agent()
    const direct = await agent.call('open', c.at('f'), C.O_RDWR | C.O_DIRECT)
    const cached = calls.open(c.at('f'), C.O_RDWR)
    equal(calls.pread(cached, 4, 0).toString(), 'cccc', 'before')
    calls.pwrite(cached, 'zzzz', 0)
    equal(
      (await agent.ask('dpread', direct, 4096, 0)).rest[0]?.slice(0, 6),
      'zzzzcc',
      'by direct read',
    )
    await agent.call('dpwrite', direct, 4096, 0, B)
    equal(calls.pread(cached, 4, 0).toString(), 'bbbb', 'by cached read')
    calls.pwrite(cached, 'yyyy', 4092)
    equal(
      (await agent.ask('dpread', direct, 4096, 4096)).rest[0]?.slice(0, 4),
      'cccc',
      'next block',
    )
    calls.close(cached)
  })

  it(
    'reads to the end of a file of odd size',
    { tree: { f: file('q'.repeat(5000)) } },
    async c => {
      const agent = await c.agent()
      const fd = await agent.call('open', c.at('f'), C.O_RDONLY | C.O_DIRECT)
      equal(await agent.call('dpread', fd, 8192, 0), 5000, 'bytes of a read over the end')
      equal(await agent.call('dpread', fd, 4096, 8192), 0, 'bytes beyond the end')
    },
  )

  it('after a truncate', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDWR | C.O_DIRECT)
    await agent.call('dpwrite', fd, 4096, 0, A)
    calls.withOpen(c.at('f'), C.O_WRONLY, other => calls.ftruncate(other, 100))
    equal(await agent.call('dpread', fd, 4096, 0), 100, 'bytes read')
    await agent.call('dpwrite', fd, 4096, 4096, B)
    equal(
      calls.readText(c.at('f')),
      'a'.repeat(100) + '\0'.repeat(3996) + 'b'.repeat(4096),
      'contents',
    )
  })
})
