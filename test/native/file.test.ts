// Opening files and the calls on open ones: values, errnos, bounds, and that nothing leaks.
import * as fs from 'node:fs'
import t from 'tap'
import {
  FALLOC_FL_KEEP_SIZE,
  FALLOC_FL_PUNCH_HOLE,
  FS_IOC_GETFLAGS,
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  O_CREAT,
  O_EXCL,
  O_PATH,
  O_RDONLY,
  O_RDWR,
  O_TMPFILE,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  SEEK_DATA,
  SEEK_END,
  SEEK_HOLE,
  SEEK_SET,
  SYNC_FILE_RANGE_WRITE,
} from '../../src/sys/constants.js'
import * as file from '../../src/sys/file.js'
import { openDescriptors, outcome, place, succeed } from './place.js'

/** FIONREAD of asm-generic/ioctls.h: how many bytes a pipe or a file holds. */
const FIONREAD = 0x541b
const FIOCLEX = 0x5451
const FIONCLEX = 0x5450

function isCloseOnExec(fd: number): boolean {
  const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return (parseInt(/flags:\s*(\d+)/.exec(info)?.[1] ?? '', 8) & 0o2000000) !== 0
}

t.test('openat2', async t => {
  const { fd, at } = place(t)
  const made = file.openat2(fd, 'new', O_RDWR | O_CREAT | O_EXCL, 0o600, 0)
  t.ok(made > 2)
  t.ok(isCloseOnExec(made))
  t.equal(fs.lstatSync(at('new')).mode & 0o777, 0o600)
  t.equal(file.close(made), 0)
  t.equal(outcome(file.close(made)), 'EBADF')
  t.equal(outcome(file.openat2(fd, 'new', O_RDWR | O_CREAT | O_EXCL, 0o600, 0)), 'EEXIST')
  t.equal(outcome(file.openat2(fd, 'gone', O_RDONLY, 0, 0)), 'ENOENT')
  t.equal(outcome(file.openat2(fd, 'x'.repeat(5000), O_RDONLY, 0, 0)), 'ENAMETOOLONG')
  fs.symlinkSync('/etc', at('out'))
  fs.mkdirSync(at('dir'))
  fs.symlinkSync('../new', at('dir/up'))
  t.equal(outcome(file.openat2(fd, 'out/passwd', O_RDONLY, 0, RESOLVE_BENEATH)), 'EXDEV')
  t.equal(outcome(file.openat2(fd, '../x', O_RDONLY, 0, RESOLVE_BENEATH)), 'EXDEV')
  t.equal(outcome(file.openat2(fd, 'dir/up', O_RDONLY, 0, RESOLVE_NO_SYMLINKS)), 'ELOOP')
  const inside = file.openat2(fd, 'dir/up', O_RDONLY, 0, RESOLVE_BENEATH)
  t.ok(inside > 2)
  file.close(inside)
  t.equal(outcome(file.openat2(fd, 'new', O_RDONLY, 0, 2 ** 40)), 'EINVAL')
  const unnamed = file.openat2(fd, '.', O_TMPFILE | O_RDWR, 0o600, 0)
  t.ok(unnamed > 2)
  file.close(unnamed)
})

t.test('dup2', async t => {
  const { fd } = place(t)
  const target = succeed(file.openat2(fd, '.', O_PATH, 0, 0))
  t.equal(file.dup2(fd, target), target)
  t.ok(isCloseOnExec(target))
  t.equal(
    fs.readlinkSync(`/proc/self/fd/${target}`),
    fs.readlinkSync(`/proc/self/fd/${fd}`),
  )
  t.equal(file.dup2(fd, fd), fd)
  t.equal(outcome(file.dup2(9999, target)), 'EBADF')
  file.close(target)
})

t.test('pread and pwrite', async t => {
  const { fd } = place(t)
  const open = succeed(file.openat2(fd, 'f', O_RDWR | O_CREAT, 0o600, 0))
  t.teardown(() => file.close(open))
  const data = new Uint8Array(Buffer.from('0123456789'))
  t.equal(file.pwrite(open, data, 2, 5, 100), 5)
  const room = new Uint8Array(20)
  t.equal(file.pread(open, room, 10, 10, 102), 3, 'short at the end')
  t.equal(Buffer.from(room).toString('latin1', 10, 13), '456')
  t.ok(room.subarray(0, 10).every(byte => byte === 0))
  t.equal(file.pread(open, room, 0, 20, 200), 0)
  t.equal(file.pread(open, room, 20, 0, 0), 0)
  t.throws(() => file.pread(open, room, 11, 10, 0), RangeError)
  t.throws(() => file.pread(open, room, -1, 1, 0), RangeError)
  t.throws(() => file.pread(open, room, 0, -1, 0), RangeError)
  t.throws(() => file.pwrite(open, room, 0, 21, 0), RangeError)
  t.equal(outcome(file.pread(open, room, 0, 1, -1)), 'EINVAL')
  t.equal(outcome(file.pwrite(fd, room, 0, 1, 0)), 'EBADF')
  const far = 2 ** 33 + 5
  t.equal(file.pwrite(open, data, 0, 1, far), 1, 'beyond 4 GiB')
  t.equal(file.lseek(open, 0, SEEK_END), far + 1)
})

t.test('holes: ftruncate, fallocate, lseek', async t => {
  const { fd } = place(t)
  const open = succeed(file.openat2(fd, 'f', O_RDWR | O_CREAT, 0o600, 0))
  t.teardown(() => file.close(open))
  const data = new Uint8Array(65536).fill(1)
  t.equal(file.ftruncate(open, 2 ** 32), 0)
  t.equal(file.pwrite(open, data, 0, data.length, 2 ** 20), 65536)
  t.equal(file.lseek(open, 0, SEEK_DATA), 2 ** 20)
  t.equal(file.lseek(open, 2 ** 20, SEEK_HOLE), 2 ** 20 + 65536)
  t.equal(outcome(file.lseek(open, 2 ** 20 + 65536, SEEK_DATA)), 'ENXIO')
  const punch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE
  t.equal(file.fallocate(open, punch, 2 ** 20, 65536), 0)
  t.equal(outcome(file.lseek(open, 0, SEEK_DATA)), 'ENXIO')
  t.equal(file.fallocate(open, 0, 2 ** 32, 4096), 0)
  t.equal(file.lseek(open, 0, SEEK_END), 2 ** 32 + 4096)
  t.equal(outcome(file.fallocate(open, 0, 0, 0)), 'EINVAL')
  t.equal(outcome(file.ftruncate(open, -1)), 'EINVAL')
  t.equal(outcome(file.lseek(open, -1, SEEK_SET)), 'EINVAL')
})

t.test('syncing', async t => {
  const { fd } = place(t)
  const open = succeed(file.openat2(fd, 'f', O_RDWR | O_CREAT, 0o600, 0))
  t.equal(file.fsync(open), 0)
  t.equal(file.fdatasync(open), 0)
  t.equal(file.sync_file_range(open, 0, 0, SYNC_FILE_RANGE_WRITE), 0)
  t.equal(outcome(file.sync_file_range(open, 0, 0, 64)), 'EINVAL')
  file.close(open)
  for (const call of [file.fsync, file.fdatasync, file.syncfs]) {
    t.equal(outcome(call(open)), 'EBADF')
  }
})

t.test('flock', async t => {
  const { fd } = place(t)
  const one = succeed(file.openat2(fd, 'f', O_RDWR | O_CREAT, 0o600, 0))
  const two = succeed(file.openat2(fd, 'f', O_RDWR, 0, 0))
  t.equal(file.flock(one, LOCK_EX | LOCK_NB), 0)
  t.equal(outcome(file.flock(two, LOCK_EX | LOCK_NB)), 'EAGAIN')
  t.equal(file.flock(one, LOCK_UN), 0)
  t.equal(file.flock(two, LOCK_EX | LOCK_NB), 0)
  file.close(one)
  file.close(two)
})

t.test('copying', async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('in'), 'abcdefghij')
  const from = succeed(file.openat2(fd, 'in', O_RDONLY, 0, 0))
  const to = succeed(file.openat2(fd, 'out', O_RDWR | O_CREAT, 0o600, 0))
  t.equal(file.copy_file_range(from, 3, to, 5, 100, 0), 7)
  t.equal(fs.readFileSync(at('out'), 'latin1'), '\0\0\0\0\0defghij')
  t.equal(file.copy_file_range(from, -1, to, -1, 4, 0), 4)
  t.equal(file.copy_file_range(from, -1, to, -1, 4, 0), 4, 'goes on where it was')
  t.equal(fs.readFileSync(at('out'), 'latin1'), 'abcdefghghij')
  t.equal(outcome(file.copy_file_range(from, 0, from, 0, 4, 0)), 'EBADF')
  t.throws(() => file.copy_file_range(from, 0, to, 0, -1, 0), RangeError)
  const cloned = outcome(file.ficlone(to, from))
  t.ok([0, 'EOPNOTSUPP', 'EINVAL'].includes(cloned), `ficlone: ${cloned}`)
  t.equal(outcome(file.ficlone(to, 9999)), 'EBADF')
  file.close(from)
  file.close(to)
})

t.test('fstatfs', async t => {
  const { fd, at, path } = place(t)
  const out = new Uint32Array(20).fill(9)
  const object = succeed(file.openat2(fd, '.', O_PATH, 0, 0))
  t.equal(file.fstatfs(object, out), 0)
  file.close(object)
  const expected = fs.statfsSync(path)
  const wide = (word: number): number => (out[word + 1] ?? 0) * 2 ** 32 + (out[word] ?? 0)
  t.equal(wide(0), expected.blocks)
  t.equal(wide(6), expected.files)
  t.ok(wide(2) >= wide(4), 'free for root, free for others')
  t.equal(out[10], expected.bsize)
  t.equal(out[11], 255)
  t.equal(out[13], 0)
  t.equal(out[14], expected.type)
  t.strictSame([...out.subarray(18)], [9, 9])
  t.throws(() => file.fstatfs(fd, new Uint32Array(17)), RangeError)
  t.equal(outcome(file.fstatfs(9999, out)), 'EBADF')
  t.ok(at('').startsWith(path))
})

t.test('ioctl', async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('f'), 'seven b')
  const open = succeed(file.openat2(fd, 'f', O_RDONLY, 0, 0))
  t.equal(file.ioctlBuffer(open, FS_IOC_GETFLAGS, new Uint8Array(8)), 0)
  t.throws(() => file.ioctlBuffer(open, FS_IOC_GETFLAGS, new Uint8Array(7)), RangeError)
  const count = new Uint8Array(4)
  t.equal(file.ioctlBuffer(open, FIONREAD, count), 0)
  t.equal(count[0], 7)
  t.equal(file.ioctlNumber(open, FIONCLEX, 0), 0)
  t.notOk(isCloseOnExec(open))
  t.equal(file.ioctlNumber(open, FIOCLEX, 0), 0)
  t.ok(isCloseOnExec(open))
  t.equal(outcome(file.ioctlNumber(open, 0xffffffff, 0)), 'ENOTTY')
  file.close(open)
})

t.test('nothing is left open', async t => {
  const { fd } = place(t)
  const before = openDescriptors()
  for (let i = 0; i < 100; i++) {
    const open = succeed(file.openat2(fd, 'f', O_WRONLY | O_CREAT, 0o600, 0))
    file.openat2(fd, 'f/x', O_WRONLY, 0, 0)
    succeed(file.close(open))
  }
  t.strictSame(openDescriptors(), before)
})
