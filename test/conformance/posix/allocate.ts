// fallocate(2), holes and SEEK_DATA/SEEK_HOLE.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { file, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'

const KEEP = C.FALLOC_FL_KEEP_SIZE
const PUNCH = C.FALLOC_FL_PUNCH_HOLE | KEEP
const ZERO = C.FALLOC_FL_ZERO_RANGE
const COLLAPSE = C.FALLOC_FL_COLLAPSE_RANGE
const INSERT = C.FALLOC_FL_INSERT_RANGE
const K = 1024
const M = 1024 * K
/** Kernel overlayfs copies in pieces of 1 MiB. */
const SOME = M

const tree: Tree = {
  f: file('x'.repeat(64 * K)),
  small: file('hello'),
  // Data only in its first bytes: 16 MiB of hole after them.
  sparse: file('start', { size: 16 * 1024 * K }),
}

/** Bytes that are not zero, as [from, to) ranges of whole KiB. */
function filled(path: string): string {
  const data = calls.readFile(path)
  const ranges: string[] = []
  let start = -1
  for (let k = 0; k <= data.length / K; k++) {
    const part = data.subarray(k * K, (k + 1) * K)
    const full = part.length > 0 && part.every(byte => byte !== 0)
    if (full && start < 0) start = k
    if (!full && start >= 0) {
      ranges.push(`${start}-${k}`)
      start = -1
    }
  }
  return ranges.join(' ')
}

export default property('allocate', it => {
  it('fallocate grows the file with zeros', { tree }, c => {
    calls.withOpen(c.at('small'), C.O_RDWR, fd => {
      calls.fallocate(fd, 0, 0, 100_000)
      equal(calls.fstat(fd).size, 100_000, 'size')
      check(calls.fstat(fd).blocks * 512 >= 100_000, 'blocks are there')
      equal(calls.pread(fd, 8, 0).toString(), 'hello\0\0\0', 'start')
      check(
        calls.pread(fd, 200_000, 5).every(byte => byte === 0),
        'zeros',
      )
      calls.fallocate(fd, 0, 0, 10)
      equal(calls.fstat(fd).size, 100_000, 'size is never made smaller')
    })
  })

  it('KEEP_SIZE allocates beyond the end', { tree }, c => {
    calls.withOpen(c.at('small'), C.O_RDWR, fd => {
      calls.fallocate(fd, KEEP, 0, 1024 * K)
      equal(calls.fstat(fd).size, 5, 'size')
      check(calls.fstat(fd).blocks * 512 >= 1024 * K, 'blocks are there')
      equal(calls.pread(fd, 100, 0).toString(), 'hello', 'contents')
    })
  })

  it('PUNCH_HOLE makes zeros', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.fallocate(fd, PUNCH, 16 * K, 16 * K)
      equal(calls.fstat(fd).size, 64 * K, 'size')
    })
    equal(filled(c.at('f')), '0-16 32-64', 'KiB with data')
    check(calls.stat(c.at('f')).blocks * 512 < 64 * K, 'the space was given back')
  })

  it('PUNCH_HOLE seen by a reader and a mapping', { tree }, async c => {
    const agent = await c.agent()
    const theirs = await agent.call('open', c.at('f'), C.O_RDONLY)
    const map = await agent.call('mmap', theirs, 64 * K, 1, 1, 0)
    equal((await agent.ask('peek', map, 20 * K, 4)).rest[0], 'xxxx', 'before')
    const reader = calls.open(c.at('f'), C.O_RDONLY)
    calls.pread(reader, 64 * K, 0)
    const remap = calls.open(c.at('f'), C.O_RDWR)
    calls.fallocate(remap, PUNCH, 16 * K, 16 * K)
    check(
      calls.pread(reader, 16 * K, 16 * K).every(byte => byte === 0),
      'zeros by read',
    )
    calls.close(reader)
    calls.close(remap)
  })

  it('PUNCH_HOLE in parts of blocks and beyond the end', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.fallocate(fd, PUNCH, 1000, 100)
      calls.fallocate(fd, PUNCH, 63 * K, 100 * K)
      calls.fallocate(fd, PUNCH, 200 * K, K)
      equal(calls.fstat(fd).size, 64 * K, 'size')
      equal(calls.pread(fd, 3, 999).toString(), 'x\0\0', 'at the edge')
      equal(calls.pread(fd, 3, 1098).toString(), '\0\0x', 'at the other edge')
    })
  })

  it('ZERO_RANGE', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.fallocate(fd, ZERO, 4 * K, 8 * K)
      equal(calls.fstat(fd).size, 64 * K, 'size')
      calls.fallocate(fd, ZERO | KEEP, 60 * K, 20 * K)
      equal(calls.fstat(fd).size, 64 * K, 'size with KEEP_SIZE')
    })
    equal(filled(c.at('f')), '0-4 12-60', 'KiB with data')
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.fallocate(fd, ZERO, 60 * K, 20 * K)
      equal(calls.fstat(fd).size, 80 * K, 'size grown')
    })
  })

  it('COLLAPSE_RANGE', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.fallocate(fd, PUNCH, 0, 4 * K)
      calls.fallocate(fd, COLLAPSE, 0, 4 * K)
      equal(calls.fstat(fd).size, 60 * K, 'size')
    })
    equal(filled(c.at('f')), '0-60', 'KiB with data')
  })

  it('INSERT_RANGE', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      calls.fallocate(fd, INSERT, 8 * K, 4 * K)
      equal(calls.fstat(fd).size, 68 * K, 'size')
    })
    equal(filled(c.at('f')), '0-8 12-68', 'KiB with data')
  })

  it('modes that do not exist', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => {
      fails('EOPNOTSUPP', () => calls.fallocate(fd, C.FALLOC_FL_PUNCH_HOLE, 0, K))
      fails(['EOPNOTSUPP', 'EINVAL'], () => calls.fallocate(fd, 0x8000, 0, K))
      fails('EINVAL', () => calls.fallocate(fd, 0, 0, 0))
      fails('EINVAL', () => calls.fallocate(fd, 0, -1, K))
    })
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      fails('EBADF', () => calls.fallocate(fd, 0, 0, K))
    })
    equal(filled(c.at('f')), '0-64', 'KiB with data')
  })

  it('SEEK_DATA and SEEK_HOLE', { tree }, c => {
    calls.withOpen(c.at('sparse'), C.O_RDONLY, fd => {
      equal(calls.lseek(fd, 0, C.SEEK_DATA), 0, 'data at the start')
      const hole = calls.lseek(fd, 0, C.SEEK_HOLE)
      check(hole > 0 && hole <= SOME, `the hole begins early (at ${hole})`)
      fails('ENXIO', () => calls.lseek(fd, 8 * M, C.SEEK_DATA))
      equal(calls.lseek(fd, 8 * M, C.SEEK_HOLE), 8 * M, 'in the hole')
      fails('ENXIO', () => calls.lseek(fd, 16 * M, C.SEEK_DATA))
      fails('ENXIO', () => calls.lseek(fd, 16 * M, C.SEEK_HOLE))
    })
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      equal(calls.lseek(fd, 0, C.SEEK_HOLE), 64 * K, 'the hole at the end of a full file')
      equal(calls.lseek(fd, 100, C.SEEK_DATA), 100, 'data within a full file')
    })
  })

  it('holes survive a change of attributes', { tree }, c => {
    calls.chmod(c.at('sparse'), 0o600)
    calls.withOpen(c.at('sparse'), C.O_RDWR, fd => {
      const { blocks, size } = calls.fstat(fd)
      check(blocks * 512 <= SOME, `few blocks (${blocks})`)
      equal(size, 16 * M, 'size')
      calls.pwrite(fd, 'x', 12 * M)
      const data = calls.lseek(fd, 8 * M, C.SEEK_DATA)
      check(data > 8 * M && data <= 12 * M, `data after the hole (at ${data})`)
    })
    equal(calls.readFile(c.at('sparse')).subarray(0, 6).toString(), 'start\0', 'start')
  })

  it('SEEK_DATA sees what was just written', { tree }, c => {
    calls.withOpen(c.at('sparse'), C.O_RDWR, fd => {
      calls.pwrite(fd, 'y'.repeat(4096), 8 * M)
      equal(calls.lseek(fd, 4 * M, C.SEEK_DATA), 8 * M, 'data')
      calls.fallocate(fd, PUNCH, 8 * M, 4096)
      fails('ENXIO', () => calls.lseek(fd, 4 * M, C.SEEK_DATA))
    })
  })
})
