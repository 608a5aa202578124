// statfs(2): numbers that make sense, and change with what is written.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, type Tree } from '../../helpers/tree.js'
import { check, equal, property } from '../property.js'

const tree: Tree = { f: file('x'), d: dir() }

export default property('statfs', it => {
  it('says the same for every file', { tree }, c => {
    const all = ['f', 'd', '.'].map(name =>
      calls.withOpen(c.at(name), C.O_RDONLY, fd => calls.fstatfs(fd)),
    )
    const [first] = all
    check(first !== undefined && first.blocks > 0n, 'blocks are there')
    for (const stat of all) {
      equal(
        [stat.type, stat.bsize, stat.namelen],
        [first?.type, first?.bsize, 255],
        'constants',
      )
      equal([stat.blocks, stat.files], [first?.blocks, first?.files], 'totals')
      check(
        stat.bavail <= stat.bfree && stat.bfree <= stat.blocks,
        'free blocks make sense',
      )
      check(stat.ffree <= stat.files, 'free inodes make sense')
    }
  })

  it('shows space that is taken', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    const before = calls.fstatfs(fd)
    calls.fallocate(fd, 0, 0, 32 << 20)
    const after = calls.fstatfs(fd)
    calls.close(fd)
    const taken = (before.bfree - after.bfree) * BigInt(before.bsize)
    check(taken >= BigInt(30 << 20), `32 MiB are taken (${taken} bytes are)`)
  })
})
