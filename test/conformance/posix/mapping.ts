// mmap(2): mappings, reads and writes see one file.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { file, type Tree } from '../../helpers/tree.js'
import { check, equal, failsThere, property } from '../property.js'

const READ = 1
const WRITE = 2
const SHARED = 1
const PRIVATE = 2
const MS_SYNC = 4

const tree: Tree = {
  f: file('0123456789'.repeat(1000)),
  other: file('z'.repeat(100)),
}

export default property('mapping', it => {
  it('shows the file', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDONLY)
    const map = await agent.call('mmap', fd, 10_000, READ, SHARED, 0)
    await agent.call('close', fd)
    equal(
      (await agent.ask('peek', map, 4990, 20)).rest[0],
      '0123456789'.repeat(2),
      'bytes',
    )
  })

  it('shows what write(2) writes', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDWR)
    const map = await agent.call('mmap', fd, 10_000, READ, SHARED, 0)
    equal((await agent.ask('peek', map, 0, 4)).rest[0], '0123', 'before')
    calls.withOpen(c.at('f'), C.O_WRONLY, ours => calls.pwrite(ours, 'WXYZ', 0))
    equal(
      (await agent.ask('peek', map, 0, 4)).rest[0],
      'WXYZ',
      'after another process wrote',
    )
    await agent.call('pwrite', fd, 'abcd', 8000)
    equal((await agent.ask('peek', map, 8000, 4)).rest[0], 'abcd', 'after its own write')
  })

  it('read(2) shows what a shared mapping writes', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDWR)
    const map = await agent.call('mmap', fd, 10_000, READ | WRITE, SHARED, 0)
    await agent.call('poke', map, 5000, 'mapped')
    const ours = calls.open(c.at('f'), C.O_RDONLY)
    equal(calls.pread(ours, 6, 5000).toString(), 'mapped', 'at once')
    calls.close(ours)
    await agent.call('msync', map, MS_SYNC)
    await agent.call('munmap', map)
    await agent.call('close', fd)
    equal(
      calls.readText(c.at('f')).slice(4998, 5008),
      '89mapped67',
      'after all is closed',
    )
    equal(calls.stat(c.at('f')).size, 10_000, 'size')
  })

  it('a shared mapping outlives its descriptor and its name', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDWR)
    const map = await agent.call('mmap', fd, 4096, READ | WRITE, SHARED, 0)
    await agent.call('close', fd)
    await agent.call('poke', map, 0, 'one')
    equal(calls.readText(c.at('f')).slice(0, 5), 'one34', 'contents after close')
    calls.rename(c.at('f'), c.at('g'))
    await agent.call('poke', map, 0, 'two')
    equal(calls.readText(c.at('g')).slice(0, 5), 'two34', 'contents after rename')
    calls.unlink(c.at('g'))
    await agent.call('poke', map, 0, 'three')
    equal(
      (await agent.ask('peek', map, 0, 6)).rest[0],
      'three5',
      'contents without a name',
    )
    await agent.call('munmap', map)
  })

  it(
    'writes through a mapping change mtime',
    { tree: { f: file('x'.repeat(4096), { mtime: 1n }) } },
    async c => {
      const agent = await c.agent()
      const fd = await agent.call('open', c.at('f'), C.O_RDWR)
      const map = await agent.call('mmap', fd, 4096, READ | WRITE, SHARED, 0)
      await agent.call('poke', map, 0, 'y')
      await agent.call('msync', map, MS_SYNC)
      check(calls.stat(c.at('f')).mtime > 1n, 'mtime after msync')
      await agent.call('munmap', map)
      await agent.call('close', fd)
      check(calls.stat(c.at('f')).mtime > 1n, 'mtime after close')
    },
  )

  it('a private mapping keeps its writes to itself', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDONLY)
    const map = await agent.call('mmap', fd, 4096, READ | WRITE, PRIVATE, 0)
    await agent.call('poke', map, 0, 'mine')
    equal((await agent.ask('peek', map, 0, 5)).rest[0], 'mine4', 'in the mapping')
    equal(calls.readText(c.at('f')).slice(0, 5), '01234', 'in the file')
  })

  it('two mappings by two processes', { tree }, async c => {
    const [one, two] = [await c.agent(), await c.agent()]
    const maps: number[] = []
    for (const agent of [one, two]) {
      const fd = await agent.call('open', c.at('f'), C.O_RDWR)
      maps.push(await agent.call('mmap', fd, 8192, READ | WRITE, SHARED, 0))
    }
    const [first = 0, second = 0] = maps
    for (let i = 0; i < 10; i++) {
      await one.call('poke', first, i * 100, `one${i}`)
      equal(
        (await two.ask('peek', second, i * 100, 4)).rest[0],
        `one${i}`,
        'seen by the second',
      )
      await two.call('poke', second, i * 100 + 50, `two${i}`)
      equal(
        (await one.ask('peek', first, i * 100 + 50, 4)).rest[0],
        `two${i}`,
        'seen by the first',
      )
    }
  })

  it('beyond the end', { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('other'), C.O_RDWR)
    const map = await agent.call('mmap', fd, 8192, READ | WRITE, SHARED, 0)
    equal(
      (await agent.ask('peek', map, 100, 4)).rest[0],
      '\0\0\0\0',
      'rest of the last page',
    )
    await failsThere('EFAULT', agent.ask('peek', map, 4096, 1))
    calls.withOpen(c.at('other'), C.O_WRONLY, ours => calls.ftruncate(ours, 5000))
    equal(
      (await agent.ask('peek', map, 4096, 1)).rest[0],
      '\0',
      'after the file has grown',
    )
    calls.withOpen(c.at('other'), C.O_WRONLY, ours => calls.ftruncate(ours, 0))
    await failsThere('EFAULT', agent.ask('peek', map, 0, 1))
  })

  it('what a descriptor does not allow', { tree }, async c => {
    const agent = await c.agent()
    const read = await agent.call('open', c.at('f'), C.O_RDONLY)
    await failsThere('EACCES', agent.call('mmap', read, 4096, READ | WRITE, SHARED, 0))
    const write = await agent.call('open', c.at('f'), C.O_WRONLY)
    await failsThere('EACCES', agent.call('mmap', write, 4096, READ, SHARED, 0))
  })

  it("a reader's mapping from before others write", { tree }, async c => {
    // Private mappings of unmodified pages: what others write may or may not show, but the
    // process must be able to go on reading, and a new mapping must show it.
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDONLY)
    const map = await agent.call('mmap', fd, 4096, READ, PRIVATE, 0)
    equal((await agent.ask('peek', map, 0, 4)).rest[0], '0123', 'before')
    calls.withOpen(c.at('f'), C.O_RDWR, ours => calls.pwrite(ours, 'WXYZ', 0))
    const seen = (await agent.ask('peek', map, 0, 4)).rest[0] ?? ''
    check(['0123', 'WXYZ'].includes(seen), `one of both states (${seen})`)
    const again = await agent.call('mmap', fd, 4096, READ, PRIVATE, 0)
    equal((await agent.ask('peek', again, 0, 4)).rest[0], 'WXYZ', 'in a new mapping')
  })

  it("a shared reader's mapping sees what others write", { tree }, async c => {
    const agent = await c.agent()
    const fd = await agent.call('open', c.at('f'), C.O_RDONLY)
    const map = await agent.call('mmap', fd, 4096, READ, SHARED, 0)
    equal((await agent.ask('peek', map, 0, 4)).rest[0], '0123', 'before')
    calls.withOpen(c.at('f'), C.O_RDWR, ours => calls.pwrite(ours, 'WXYZ', 0))
    equal((await agent.ask('peek', map, 0, 4)).rest[0], 'WXYZ', 'after')
  })
})
