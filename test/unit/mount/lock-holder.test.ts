// The holder of a flock, in the words of /proc/locks.
import t from 'tap'
import { lockHolder } from '../../../src/mount/lock-holder.js'

const LOCKS = `1: POSIX  ADVISORY  WRITE 99 fe:00:131 0 EOF
2: FLOCK  ADVISORY  WRITE 1234 fe:00:131 0 EOF
2: -> FLOCK  ADVISORY  WRITE 1300 fe:00:131 0 EOF
3: FLOCK  ADVISORY  WRITE 18242 00:26:4 0 EOF
`

function directory(device: string, inode: number) {
  return { identity: `9:${inode}`, inside: { device, path: '/' } }
}

t.test('by filesystem and inode', async t => {
  t.equal(lockHolder(LOCKS, directory('254:0', 131)), 1234)
  t.equal(lockHolder(LOCKS, directory('0:38', 4)), 18242)
  t.equal(lockHolder(LOCKS, directory('0:38', 5)), null)
  t.equal(lockHolder(LOCKS, directory('0:39', 4)), null)
  t.equal(lockHolder(LOCKS, { identity: '9:4', inside: null }), null)
})
