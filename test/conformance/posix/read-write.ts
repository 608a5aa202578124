// read(2) and write(2): what is written is read, by whom and wherever it is read.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { file, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'

/** 1 MiB + 123 bytes that no shifted copy equals. */
const BIG = pattern(1_048_699)
const tree: Tree = {
  f: file('hello'),
  big: file(BIG.toString('latin1')),
}

/** Bytes of a simple generator: the same for the same length. */
export function pattern(length: number, seed = 1): Buffer {
  const data = Buffer.alloc(length)
  let state = seed
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff
    data[i] = state >> 16
  }
  return data
}

export default property('read-write', it => {
  it('the end of a file', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      equal(calls.read(fd, 100).toString(), 'hello', 'short read')
      equal(calls.read(fd, 100).length, 0, 'read at the end')
      equal(calls.pread(fd, 10, 3).toString(), 'lo', 'pread over the end')
      equal(calls.pread(fd, 10, 5).length, 0, 'pread at the end')
      equal(calls.pread(fd, 10, 1_000_000).length, 0, 'pread far beyond')
      equal(calls.read(fd, 0).length, 0, 'read of nothing')
    })
  })

  it('a large file from the start', { tree }, c => {
    check(calls.readFile(c.at('big')).equals(BIG), 'contents of 1 MiB')
    calls.withOpen(c.at('big'), C.O_RDONLY, fd => {
      for (const [at, size] of [
        [0, 1],
        [4095, 2],
        [65_535, 65_537],
        [1_048_570, 1000],
      ] as const) {
        check(
          calls.pread(fd, size, at).equals(BIG.subarray(at, at + size)),
          `${size} at ${at}`,
        )
      }
    })
  })

  it('a write in the middle of a large file', { tree }, c => {
    const expected = Buffer.from(BIG)
    calls.withOpen(c.at('big'), C.O_RDWR, fd => {
      for (const at of [0, 1, 4094, 8191, 65_530, 131_071, 524_288, BIG.length - 3]) {
        expected.write('<edit>', at, 'latin1')
        calls.pwrite(fd, '<edit>'.slice(0, BIG.length - at), at)
      }
      check(calls.pread(fd, 2_000_000, 0).equals(expected), 'contents while open')
    })
    check(calls.readFile(c.at('big')).equals(expected), 'contents after close')
  })

  it('appending to a large file', { tree }, c => {
    calls.withOpen(c.at('big'), C.O_WRONLY | C.O_APPEND, fd => {
      for (let i = 0; i < 10; i++) calls.write(fd, `line ${i}\n`)
    })
    const data = calls.readFile(c.at('big'))
    equal(data.length, BIG.length + 70, 'size')
    check(data.subarray(0, BIG.length).equals(BIG), 'what was there before')
    equal(
      data.subarray(BIG.length, BIG.length + 14).toString(),
      'line 0\nline 1\n',
      'the end',
    )
  })

  it('writes of all sizes', {}, c => {
    const fd = calls.open(c.at('n'), C.O_RDWR | C.O_CREAT)
    const parts: Buffer[] = []
    for (const size of [
      1,
      2,
      511,
      512,
      513,
      4095,
      4096,
      4097,
      65_536,
      131_072,
      131_073,
      1 << 20,
      3 << 20,
    ]) {
      const part = pattern(size, size)
      calls.writeAll(fd, part)
      parts.push(part)
    }
    calls.close(fd)
    check(calls.readFile(c.at('n')).equals(Buffer.concat(parts)), 'contents')
  })

  it('a write beyond the end leaves zeros', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.pwrite(fd, 'far', 10_000)
      equal(calls.fstat(fd).size, 10_003, 'size')
      equal(
        calls.pread(fd, 8, 3).toString('hex'),
        Buffer.from('lo\0\0\0\0\0\0').toString('hex'),
        'gap',
      )
      equal(calls.pread(fd, 10, 9998).toString(), '\0\0far', 'end')
    })
  })

  it('offsets beyond 4 GiB', {}, c => {
    calls.withOpen(c.at('n'), C.O_RDWR | C.O_CREAT, fd => {
      const at = 5_000_000_000
      calls.pwrite(fd, 'high', at)
      equal(calls.fstat(fd).size, at + 4, 'size')
      equal(calls.pread(fd, 10, at).toString(), 'high', 'contents')
      equal(calls.lseek(fd, -4, C.SEEK_END), at, 'position')
      equal(calls.read(fd, 4).toString(), 'high', 'contents at the position')
      check(calls.fstat(fd).blocks < 1000, 'the file is sparse')
    })
  })

  it('a write of nothing changes nothing', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => {
      equal(calls.write(fd, ''), 0, 'result')
      equal(calls.pwrite(fd, '', 100), 0, 'result beyond the end')
    })
    equal(calls.stat(c.at('f')).size, before.size, 'size')
    equal(calls.stat(c.at('f')).mtime, before.mtime, 'mtime')
  })

  it('lseek', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      equal(calls.lseek(fd, 2, C.SEEK_SET), 2, 'SEEK_SET')
      equal(calls.lseek(fd, 1, C.SEEK_CUR), 3, 'SEEK_CUR')
      equal(calls.lseek(fd, -1, C.SEEK_END), 4, 'SEEK_END')
      equal(calls.lseek(fd, 100, C.SEEK_END), 105, 'beyond the end')
      fails('EINVAL', () => calls.lseek(fd, -1, C.SEEK_SET))
      equal(calls.lseek(fd, 0, C.SEEK_CUR), 105, 'position after a failure')
    })
  })

  it('what another process writes is read at once', { tree }, async c => {
    const agent = await c.agent()
    const theirs = await agent.call('open', c.at('f'), C.O_RDWR)
    const ours = calls.open(c.at('f'), C.O_RDWR)
    for (let i = 0; i < 20; i++) {
      await agent.call('pwrite', theirs, `their ${i}`, 0)
      equal(calls.pread(ours, 20, 0).toString().startsWith(`their ${i}`), true, 'theirs')
      calls.pwrite(ours, `our ${i}!`, 0)
      const answer = await agent.ask('pread', theirs, 6, 0)
      equal(answer.rest[0], `our ${i}!`.slice(0, 6), 'ours')
    }
    calls.close(ours)
  })

  it('a reader from before a change sees the change', { tree }, c => {
    const reader = calls.open(c.at('big'), C.O_RDONLY)
    check(calls.pread(reader, 100, 0).equals(BIG.subarray(0, 100)), 'before')
    calls.withOpen(c.at('big'), C.O_WRONLY, fd => {
      calls.pwrite(fd, 'CHANGED', 10)
      calls.pwrite(fd, 'GROWN', BIG.length)
    })
    equal(calls.pread(reader, 7, 10).toString(), 'CHANGED', 'in a part read before')
    equal(calls.pread(reader, 10, BIG.length).toString(), 'GROWN', 'beyond the old end')
    equal(calls.fstat(reader).size, BIG.length + 5, 'size')
    check(
      calls.pread(reader, 1000, 500_000).equals(BIG.subarray(500_000, 501_000)),
      'the rest',
    )
    calls.close(reader)
  })

  it('attributes change while readers and writers have it open', { tree }, c => {
    const reader = calls.open(c.at('f'), C.O_RDONLY)
    const writer = calls.open(c.at('f'), C.O_RDWR)
    calls.pwrite(writer, 'J', 0)
    calls.chmod(c.at('f'), 0o600)
    calls.rename(c.at('f'), c.at('g'))
    calls.pwrite(writer, 'y', 4)
    equal(calls.pread(reader, 5, 0).toString(), 'Jelly', 'contents')
    calls.close(writer)
    equal(calls.readText(c.at('g')), 'Jelly', 'contents by name')
    equal(
      calls.pread(reader, 5, 0).toString(),
      'Jelly',
      'contents after the writer is gone',
    )
    calls.close(reader)
  })

  it('sendfile and splice', { tree }, async c => {
    const agent = await c.agent()
    const from = await agent.call('open', c.at('big'), C.O_RDONLY)
    const to = await agent.call('open', c.at('copy'), C.O_RDWR | C.O_CREAT, 0o644)
    let left = 500_000
    while (left > 0) left -= await agent.call('sendfile', to, from, left)
    check(calls.readFile(c.at('copy')).equals(BIG.subarray(0, 500_000)), 'sent')
    equal(await agent.call('splice', from, to, 4096), 4096, 'spliced')
    check(calls.readFile(c.at('copy')).equals(BIG.subarray(0, 504_096)), 'spliced data')
  })

  it('1000 small files', {}, c => {
    for (let i = 0; i < 1000; i++) calls.writeFile(c.at(`n${i}`), `contents ${i}`)
    for (let i = 0; i < 1000; i++) {
      equal(calls.readText(c.at(`n${i}`)), `contents ${i}`, `contents of n${i}`)
    }
  })
})
