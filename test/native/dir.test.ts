// getdents64: the records as the kernel writes them.
import * as fs from 'node:fs'
import t from 'tap'
import { DT_DIR, DT_LNK, DT_REG, O_RDONLY, SEEK_SET } from '../../src/sys/constants.js'
import { getdents64 } from '../../src/sys/dir.js'
import { close, lseek, openat2 } from '../../src/sys/file.js'
import { outcome, place, succeed } from './place.js'

/** Offsets of `struct linux_dirent64`: d_ino 0, d_off 8, d_reclen 16, d_type 18, d_name 19. */
function entries(bytes: Buffer): Map<string, number> {
  const found = new Map<string, number>()
  for (let at = 0; at < bytes.length; at += bytes.readUInt16LE(at + 16)) {
    const end = bytes.indexOf(0, at + 19)
    found.set(bytes.toString('latin1', at + 19, end), bytes.readUInt8(at + 18))
  }
  return found
}

t.test('getdents64', async t => {
  const { fd, at } = place(t)
  fs.mkdirSync(at('dir'))
  fs.symlinkSync('x', at('link'))
  fs.writeFileSync(Buffer.from(at('f\xff'), 'latin1'), '')
  for (let i = 0; i < 500; i++) fs.writeFileSync(at(`file${i}`), '')
  const room = Buffer.alloc(4096)
  const all = new Map<string, number>()
  for (;;) {
    const got = succeed(getdents64(fd, room, 96))
    if (got === 0) break
    for (const [name, type] of entries(room.subarray(96, 96 + got))) all.set(name, type)
  }
  t.equal(all.size, 505)
  t.equal(all.get('dir'), DT_DIR)
  t.equal(all.get('link'), DT_LNK)
  t.equal(all.get('f\xff'), DT_REG)
  t.ok(
    room.subarray(0, 96).every(byte => byte === 0),
    'nothing before `at`',
  )
  t.equal(lseek(fd, 0, SEEK_SET), 0)
  t.ok(getdents64(fd, room, 0) > 0, 'again from the start')
  t.equal(outcome(getdents64(fd, room, 4096)), 'EINVAL', 'no room for one')
  t.throws(() => getdents64(fd, room, 4097), RangeError)
  const file = succeed(openat2(fd, 'file1', O_RDONLY, 0, 0))
  t.equal(outcome(getdents64(file, room, 0)), 'ENOTDIR')
  close(file)
  t.equal(outcome(getdents64(file, room, 0)), 'EBADF')
})
