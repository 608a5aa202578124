// copy_file_range(2) within one mount.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'
import { pattern } from './read-write.js'

const DATA = pattern(300_000)
const tree: Tree = {
  from: file(DATA.toString('latin1')),
  to: file('old contents'),
  d: dir(),
}

/** All of it, in as many calls as it takes. */
function copyAll(
  from: number,
  at: number,
  to: number,
  toAt: number,
  length: number,
): number {
  let done = 0
  while (done < length) {
    const n = calls.copyFileRange(from, at + done, to, toAt + done, length - done)
    if (n === 0) break
    done += n
  }
  return done
}

export default property('copy-range', it => {
  it('a whole file', { tree }, c => {
    calls.withOpen(c.at('from'), C.O_RDONLY, from =>
      calls.withOpen(c.at('new'), C.O_RDWR | C.O_CREAT, to => {
        equal(copyAll(from, 0, to, 0, 1_000_000), DATA.length, 'bytes copied')
      }),
    )
    check(calls.readFile(c.at('new')).equals(DATA), 'contents')
  })

  it('parts at odd offsets', { tree }, c => {
    calls.withOpen(c.at('from'), C.O_RDONLY, from =>
      calls.withOpen(c.at('to'), C.O_RDWR, to => {
        equal(copyAll(from, 1001, to, 4, 5000), 5000, 'bytes copied')
        equal(calls.pread(to, 4, 0).toString(), 'old ', 'what was there before')
        check(
          calls.pread(to, 5000, 4).equals(DATA.subarray(1001, 6001)),
          'what was copied',
        )
        equal(calls.fstat(to).size, 5004, 'size')
      }),
    )
  })

  it("at the descriptors' own positions", { tree }, c => {
    calls.withOpen(c.at('from'), C.O_RDONLY, from =>
      calls.withOpen(c.at('to'), C.O_RDWR, to => {
        calls.lseek(from, 10, C.SEEK_SET)
        calls.lseek(to, 12, C.SEEK_SET)
        equal(calls.copyFileRange(from, -1, to, -1, 100), 100, 'bytes copied')
        equal(calls.lseek(from, 0, C.SEEK_CUR), 110, 'position of the source')
        equal(calls.lseek(to, 0, C.SEEK_CUR), 112, 'position of the target')
        check(calls.pread(to, 100, 12).equals(DATA.subarray(10, 110)), 'contents')
      }),
    )
  })

  it('within one file', { tree }, c => {
    calls.withOpen(c.at('from'), C.O_RDWR, fd => {
      equal(copyAll(fd, 0, fd, 100_000, 50_000), 50_000, 'bytes copied')
      check(calls.pread(fd, 50_000, 100_000).equals(DATA.subarray(0, 50_000)), 'contents')
      fails('EINVAL', () => calls.copyFileRange(fd, 0, fd, 10, 100))
    })
  })

  it('beyond the end copies nothing', { tree }, c => {
    calls.withOpen(c.at('from'), C.O_RDONLY, from =>
      calls.withOpen(c.at('to'), C.O_RDWR, to => {
        equal(calls.copyFileRange(from, DATA.length, to, 0, 100), 0, 'at the end')
        equal(calls.copyFileRange(from, DATA.length - 5, to, 0, 100), 5, 'over the end')
      }),
    )
  })

  it('wrong descriptors', { tree }, c => {
    calls.withOpen(c.at('from'), C.O_RDONLY, from => {
      calls.withOpen(c.at('to'), C.O_RDONLY, to => {
        fails('EBADF', () => calls.copyFileRange(from, 0, to, 0, 10))
      })
      calls.withOpen(c.at('to'), C.O_WRONLY | C.O_APPEND, to => {
        fails('EBADF', () => calls.copyFileRange(from, 0, to, 0, 10))
      })
      calls.withOpen(c.at('d'), C.O_RDONLY, to => {
        fails(['EISDIR', 'EBADF'], () => calls.copyFileRange(from, 0, to, 0, 10))
      })
    })
    equal(calls.readText(c.at('to')), 'old contents', 'contents')
  })

  it('what was just written is copied', { tree }, c => {
    calls.withOpen(c.at('from'), C.O_RDWR, from =>
      calls.withOpen(c.at('to'), C.O_RDWR, to => {
        calls.pwrite(from, 'fresh data', 0)
        equal(calls.pread(to, 3, 0).toString(), 'old', 'target before')
        copyAll(from, 0, to, 0, 10)
        equal(calls.pread(to, 12, 0).toString(), 'fresh datats', 'target after')
      }),
    )
  })
})
