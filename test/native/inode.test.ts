// The calls on inodes: values, errnos, and what they do to symlinks and O_PATH descriptors.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import t from 'tap'
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_NOFOLLOW,
  O_PATH,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
  STATX_BASIC_STATS,
  STATX_BTIME,
  STATX_MNT_ID,
  UTIME_NOW,
  UTIME_OMIT,
} from '../../src/sys/constants.js'
import { umask } from '../../src/sys/credentials.js'
import { close, openat2 } from '../../src/sys/file.js'
import * as inode from '../../src/sys/inode.js'
import {
  encodeRdev,
  hasBirthTime,
  isDirectory,
  isRegular,
  isSameFile,
  isSymlink,
  majorOf,
  minorOf,
  ST,
  STAT_WORDS,
  statBigInt,
  statMode,
  statNumber,
  statRecords,
  statSeconds,
  statWord,
} from '../../src/sys/stat.js'
import { isRoot, outcome, place, succeed } from './place.js'

const NOFOLLOW = AT_SYMLINK_NOFOLLOW
/** A file name that is no UTF-8, as JavaScript's file calls have it. */
const ODD = 'n\xffm\xe9'

t.test('statx fills a record', async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('file'), 'twelve bytes')
  fs.linkSync(at('file'), at('link'))
  execFileSync('touch', ['-a', '-d', '@1234567890.5', at('file')])
  execFileSync('touch', ['-m', '-d', '@-86400.25', at('file')])
  const record = statRecords(2)
  t.equal(inode.statx(fd, 'file', NOFOLLOW, record, STAT_WORDS), 0)
  const expected = fs.lstatSync(at('file'), { bigint: true })
  const word = (field: number): number => statWord(record, field, STAT_WORDS)
  t.ok(
    record.subarray(0, STAT_WORDS).every(value => value === 0),
    'only where it was asked to',
  )
  t.equal(statBigInt(record, ST.ino, STAT_WORDS), expected.ino)
  t.equal(statBigInt(record, ST.dev, STAT_WORDS), expected.dev)
  t.equal(statNumber(record, ST.size, STAT_WORDS), 12)
  t.equal(statNumber(record, ST.blocks, STAT_WORDS), Number(expected.blocks))
  t.equal(statSeconds(record, ST.atime, STAT_WORDS), 1234567890)
  t.equal(word(ST.atimeNsec), 500_000_000)
  t.equal(statSeconds(record, ST.mtime, STAT_WORDS), -86401)
  t.equal(word(ST.mtimeNsec), 750_000_000)
  t.equal(
    BigInt(statSeconds(record, ST.ctime, STAT_WORDS)) * 1_000_000_000n +
      BigInt(word(ST.ctimeNsec)),
    expected.ctimeNs,
  )
  t.equal(
    BigInt(statSeconds(record, ST.btime, STAT_WORDS)) * 1_000_000_000n +
      BigInt(word(ST.btimeNsec)),
    expected.birthtimeNs,
  )
  t.equal(BigInt(statMode(record, STAT_WORDS)), expected.mode)
  t.equal(word(ST.nlink), 2)
  t.equal(word(ST.uid), process.getuid?.())
  t.equal(word(ST.gid), process.getgid?.())
  t.equal(word(ST.blksize), Number(expected.blksize))
  t.equal(word(ST.rdev), 0)
  t.equal(word(ST.flags), 0)
  const asked = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID
  t.equal(word(ST.mask) & asked, asked)
  t.ok(hasBirthTime(record, STAT_WORDS))
  t.ok(isRegular(record, STAT_WORDS))
  const mountId = /mnt_id:\s*(\d+)/.exec(
    fs.readFileSync(`/proc/self/fdinfo/${String(fd)}`, 'latin1'),
  )?.[1]
  t.equal(statNumber(record, ST.mntId, STAT_WORDS), Number(mountId))
})

t.test('statx: descriptors, links, odd names, errors', async t => {
  const { fd, at } = place(t)
  const record = statRecords(1)
  const other = statRecords(1)
  fs.writeFileSync(Buffer.from(at(ODD), 'latin1'), '')
  fs.symlinkSync('nowhere', at('symlink'))
  t.equal(inode.statx(fd, ODD, NOFOLLOW, record, 0), 0)
  t.equal(inode.statx(fd, '', AT_EMPTY_PATH, record, 0), 0)
  t.ok(isDirectory(record))
  t.equal(inode.statx(fd, '.', 0, other, 0), 0)
  t.ok(isSameFile(record, 0, other, 0))
  const link = succeed(openat2(fd, 'symlink', O_PATH | O_NOFOLLOW, 0, 0))
  t.equal(inode.statx(link, '', AT_EMPTY_PATH, record, 0), 0)
  t.ok(isSymlink(record))
  t.notOk(isSameFile(record, 0, other, 0))
  close(link)
  record.fill(7)
  t.equal(outcome(inode.statx(fd, 'symlink', 0, record, 0)), 'ENOENT')
  t.equal(outcome(inode.statx(fd, 'x'.repeat(256), 0, record, 0)), 'ENAMETOOLONG')
  t.equal(outcome(inode.statx(fd, 'x'.repeat(4096), 0, record, 0)), 'ENAMETOOLONG')
  t.equal(outcome(inode.statx(fd, 'x'.repeat(100_000), 0, record, 0)), 'ENAMETOOLONG')
  t.equal(
    outcome(inode.statx(fd, './'.repeat(2047) + '.', 0, other, 0)),
    0,
    'PATH_MAX - 1',
  )
  t.equal(outcome(inode.statx(fd, `${ODD}/x`, 0, record, 0)), 'ENOTDIR')
  t.equal(outcome(inode.statx(9999, 'x', 0, record, 0)), 'EBADF')
  t.equal(outcome(inode.statx(fd, '', 0, record, 0)), 'ENOENT')
  t.ok(
    record.every(value => value === 7),
    'a failed call writes nothing',
  )
  t.throws(() => inode.statx(fd, '.', 0, record, 1), RangeError)
  t.throws(() => inode.statx(fd, '.', 0, record, -1), RangeError)
  t.throws(() => inode.statx(fd, '.', 0, new Uint32Array(31), 0), RangeError)
})

t.test('statxBatch', async t => {
  const { fd, at } = place(t)
  const names = ['first', 'absent', ODD, 'last']
  const bytes = new Uint8Array(Buffer.from(`skip\0${names.join('\0')}\0`, 'latin1'))
  const offsets = [0]
  for (const name of ['skip', ...names]) {
    offsets.push((offsets.at(-1) ?? 0) + name.length + 1)
  }
  for (const name of ['first', ODD]) {
    fs.writeFileSync(Buffer.from(at(name), 'latin1'), name, 'latin1')
  }
  fs.symlinkSync('first', at('last'))
  const starts = new Uint32Array(offsets)
  const records = statRecords(4).fill(1)
  t.equal(inode.statxBatch(fd, bytes, starts, 1, 4, records), 0)
  t.equal(statNumber(records, ST.size, 0), 5)
  t.equal(statWord(records, ST.mask, STAT_WORDS), 0)
  t.equal(statWord(records, 0, STAT_WORDS), 2, 'ENOENT')
  t.equal(statNumber(records, ST.size, 2 * STAT_WORDS), 4)
  t.ok(isSymlink(records, 3 * STAT_WORDS))
  t.equal(inode.statxBatch(fd, bytes, starts, 0, 0, records), 0)
  t.throws(() => inode.statxBatch(fd, bytes, starts, 4, 3, records), RangeError)
  t.throws(() => inode.statxBatch(fd, bytes, starts, 0, 5, records), RangeError)
  t.throws(
    () => inode.statxBatch(fd, bytes, new Uint32Array([99]), 0, 1, records),
    RangeError,
  )
  const unended = bytes.subarray(0, bytes.length - 1)
  t.throws(() => inode.statxBatch(fd, unended, starts, 1, 4, records), RangeError)
})

t.test('making things', async t => {
  const { fd, at } = place(t)
  const before = umask(0)
  t.teardown(() => umask(before))
  t.equal(inode.mkdirat(fd, 'dir', 0o2775), 0)
  t.equal(fs.lstatSync(at('dir')).mode & 0o7777, 0o775, 'mkdir keeps no set-id bits')
  t.equal(outcome(inode.mkdirat(fd, 'dir', 0o755)), 'EEXIST')
  t.equal(inode.mknodat(fd, 'fifo', S_IFIFO | 0o640, 0), 0)
  t.ok(fs.lstatSync(at('fifo')).isFIFO())
  t.equal(fs.lstatSync(at('fifo')).mode & 0o7777, 0o640)
  t.equal(inode.symlinkat(ODD, fd, 'symlink'), 0)
  t.equal(fs.readlinkSync(at('symlink'), 'latin1'), ODD)
  t.equal(outcome(inode.symlinkat('', fd, 'empty')), 'ENOENT')
  t.equal(umask(0o27), 0)
  t.equal(inode.mkdirat(fd, 'masked', 0o777), 0)
  t.equal(fs.lstatSync(at('masked')).mode & 0o7777, 0o750)
  t.equal(umask(0), 0o27)
})

t.test('device nodes', { skip: isRoot() ? false : 'needs root' }, async t => {
  const { fd, at } = place(t)
  const record = statRecords(1)
  for (const [major, minor] of [
    [0, 0],
    [1, 3],
    [4095, 0xfffff],
    [259, 256],
  ] as const) {
    const name = `${major}.${minor}`
    const rdev = encodeRdev(major, minor)
    t.equal(inode.mknodat(fd, name, S_IFCHR | 0o600, rdev), 0)
    t.equal(inode.statx(fd, name, NOFOLLOW, record, 0), 0)
    t.equal(statWord(record, ST.rdev), rdev, name)
    t.equal(majorOf(rdev), major)
    t.equal(minorOf(rdev), minor)
  }
  t.equal(inode.mknodat(fd, 'block', S_IFBLK | 0o600, encodeRdev(7, 300)), 0)
  t.equal(fs.lstatSync(at('block')).rdev, 0x10072c, 'makedev(7, 300)')
})

t.test('names: linkat, unlinkat, renameat2', async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('a'), 'a')
  fs.writeFileSync(at('b'), 'b')
  fs.symlinkSync('a', at('s'))
  t.equal(inode.linkat(fd, 's', fd, 's2', 0), 0)
  t.ok(fs.lstatSync(at('s2')).isSymbolicLink(), 'a link to the symlink itself')
  t.equal(outcome(inode.linkat(fd, 'a', fd, 'b', 0)), 'EEXIST')
  const file = succeed(openat2(fd, 'a', O_PATH, 0, 0))
  if (isRoot()) t.equal(inode.linkat(file, '', fd, 'a2', AT_EMPTY_PATH), 0)
  close(file)
  t.equal(outcome(inode.renameat2(fd, 'a', fd, 'b', RENAME_NOREPLACE)), 'EEXIST')
  t.equal(inode.renameat2(fd, 'a', fd, 'b', RENAME_EXCHANGE), 0)
  t.equal(fs.readFileSync(at('a'), 'latin1'), 'b')
  t.equal(inode.renameat2(fd, 'a', fd, 'b', 0), 0)
  t.equal(fs.readFileSync(at('b'), 'latin1'), 'b')
  t.equal(outcome(inode.renameat2(fd, 'gone', fd, 'c', 0)), 'ENOENT')
  t.equal(outcome(inode.renameat2(fd, 'b', fd, 'c', 64)), 'EINVAL')
  fs.mkdirSync(at('dir'))
  t.equal(outcome(inode.unlinkat(fd, 'dir', 0)), 'EISDIR')
  t.equal(outcome(inode.unlinkat(fd, 'b', AT_REMOVEDIR)), 'ENOTDIR')
  t.equal(inode.unlinkat(fd, 'dir', AT_REMOVEDIR), 0)
  t.equal(inode.unlinkat(fd, 'b', 0), 0)
  t.notOk(fs.existsSync(at('b')))
})

t.test('readlinkat', async t => {
  const { fd, at } = place(t)
  const target = 'x'.repeat(300) + '\xfe'
  fs.symlinkSync(Buffer.from(target, 'latin1'), at('s'))
  const room = new Uint8Array(400)
  t.equal(inode.readlinkat(fd, 's', room, 50), 301)
  t.equal(Buffer.from(room.subarray(50, 351)).toString('latin1'), target)
  t.equal(room[49], 0)
  t.equal(room[351], 0)
  const link = succeed(openat2(fd, 's', O_PATH | O_NOFOLLOW, 0, 0))
  t.equal(inode.readlinkat(link, '', room, 0), 301)
  close(link)
  t.equal(inode.readlinkat(fd, 's', room, 390), 10, 'cut where the buffer ends')
  t.equal(outcome(inode.readlinkat(fd, 's', room, 400)), 'EINVAL')
  t.equal(outcome(inode.readlinkat(fd, '.', room, 0)), 'EINVAL')
  t.throws(() => inode.readlinkat(fd, 's', room, 401), RangeError)
  t.throws(() => inode.readlinkat(fd, 's', room, -1), RangeError)
})

t.test('fchmodat', async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('file'), '')
  fs.symlinkSync('file', at('symlink'))
  fs.mkdirSync(at('dir'))
  const mode = (name: string): number => fs.lstatSync(at(name)).mode & 0o7777
  t.equal(inode.fchmodat(fd, 'symlink', 0o600, 0), 0)
  t.equal(mode('file'), 0o600, 'follows without a flag')
  t.equal(inode.fchmodat(fd, 'file', 0o4755, NOFOLLOW), 0)
  t.equal(mode('file'), 0o4755)
  t.equal(outcome(inode.fchmodat(fd, 'symlink', 0o600, NOFOLLOW)), 'EOPNOTSUPP')
  t.equal(mode('file'), 0o4755, 'the target of the symlink is left alone')
  for (const [name, flags] of [
    ['file', O_PATH],
    ['dir', O_PATH],
    ['dir', 0],
  ] as const) {
    const object = succeed(openat2(fd, name, flags, 0, 0))
    t.equal(inode.fchmodat(object, '', 0o710, AT_EMPTY_PATH), 0)
    t.equal(mode(name), 0o710)
    fs.chmodSync(at(name), 0o755)
    close(object)
  }
  const link = succeed(openat2(fd, 'symlink', O_PATH | O_NOFOLLOW, 0, 0))
  t.equal(outcome(inode.fchmodat(link, '', 0o600, AT_EMPTY_PATH)), 'EOPNOTSUPP')
  close(link)
  t.equal(outcome(inode.fchmodat(fd, 'gone', 0o600, NOFOLLOW)), 'ENOENT')
  t.equal(outcome(inode.fchmodat(fd, '', 0o600, 0)), 'ENOENT')
})

t.test('fchownat', { skip: isRoot() ? false : 'needs root' }, async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('file'), '')
  fs.symlinkSync('file', at('symlink'))
  t.equal(inode.fchownat(fd, 'symlink', 12, 4_000_000_000, NOFOLLOW), 0)
  t.equal(fs.lstatSync(at('symlink')).uid, 12)
  t.equal(fs.lstatSync(at('symlink')).gid, 4_000_000_000)
  t.equal(fs.lstatSync(at('file')).uid, 0)
  const object = succeed(openat2(fd, 'file', O_PATH, 0, 0))
  t.equal(inode.fchownat(object, '', 5, 0xffffffff, AT_EMPTY_PATH), 0)
  t.equal(inode.fchownat(object, '', -1, 6, AT_EMPTY_PATH), 0)
  close(object)
  t.equal(fs.lstatSync(at('file')).uid, 5)
  t.equal(fs.lstatSync(at('file')).gid, 6)
})

t.test('utimensat', async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('file'), '')
  fs.symlinkSync('file', at('symlink'))
  const times = (name: string): bigint[] => {
    const stat = fs.lstatSync(at(name), { bigint: true })
    return [stat.atimeNs, stat.mtimeNs]
  }
  t.equal(inode.utimensat(fd, 'file', -5, 7, 2 ** 33, 999_999_999, 0), 0)
  t.strictSame(times('file'), [-4_999_999_993n, 8_589_934_592_999_999_999n])
  t.equal(inode.utimensat(fd, 'symlink', 1, 2, 3, 4, NOFOLLOW), 0)
  t.strictSame(times('symlink'), [1_000_000_002n, 3_000_000_004n])
  const link = succeed(openat2(fd, 'symlink', O_PATH | O_NOFOLLOW, 0, 0))
  t.equal(inode.utimensat(link, '', 0, UTIME_OMIT, 9, 9, AT_EMPTY_PATH), 0)
  close(link)
  t.strictSame(times('symlink'), [1_000_000_002n, 9_000_000_009n])
  const before = Date.now() - 1000
  t.equal(inode.utimensat(fd, 'file', 0, UTIME_NOW, 0, UTIME_OMIT, 0), 0)
  t.ok(Number((times('file')[0] ?? 0n) / 1_000_000n) >= before)
  t.equal(times('file')[1], 8_589_934_592_999_999_999n)
  t.equal(outcome(inode.utimensat(fd, 'file', 0, 1_000_000_000, 0, 0, 0)), 'EINVAL')
  t.equal(outcome(inode.utimensat(fd, 'gone', 0, 0, 0, 0, 0)), 'ENOENT')
})

t.test('a type is what S_IFMT says', async t => {
  const record = statRecords(1)
  succeed(inode.statx(-100, '/dev/null', 0, record, 0))
  t.equal(statMode(record) & S_IFMT, S_IFCHR)
  t.equal(statWord(record, ST.rdev), encodeRdev(1, 3))
})
