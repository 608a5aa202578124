// Extended attributes by name, by descriptor and by O_PATH descriptor, of files, directories and
// symlinks themselves.
import * as fs from 'node:fs'
import t, { type Test } from 'tap'
import {
  AT_FDCWD,
  O_NOFOLLOW,
  O_PATH,
  O_RDONLY,
  XATTR_CREATE,
  XATTR_REPLACE,
} from '../../src/sys/constants.js'
import { close, openat2 } from '../../src/sys/file.js'
import {
  getxattrat,
  listxattrat,
  xattrPrefixBatch,
  removexattrat,
  setxattrat,
} from '../../src/sys/xattr.js'
import { isRoot, openDescriptors, outcome, place, succeed } from './place.js'

const NONE = new Uint8Array(0)
const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'))

function read(dirfd: number, name: string, attribute: string): number | string {
  const room = new Uint8Array(100)
  const length = getxattrat(dirfd, name, attribute, room)
  return length < 0 ? outcome(length) : Buffer.from(room).toString('latin1', 0, length)
}

function list(dirfd: number, name: string): string[] {
  const room = new Uint8Array(1000)
  const length = succeed(listxattrat(dirfd, name, room))
  const names = Buffer.from(room).toString('latin1', 0, length).split('\0')
  return names
    .filter(name => name.startsWith('user.') || name.startsWith('trusted.'))
    .sort()
}

/** Everything one can do with attributes, of `name` below `dirfd`. */
function exercise(t: Test, dirfd: number, name: string, prefix: string): void {
  const one = `${prefix}one`
  t.equal(read(dirfd, name, one), 'ENODATA')
  t.equal(setxattrat(dirfd, name, one, bytes('val\0\xff'), 0), 0)
  t.equal(read(dirfd, name, one), 'val\0\xff')
  t.equal(getxattrat(dirfd, name, one, NONE), 5, 'the length alone')
  t.equal(outcome(getxattrat(dirfd, name, one, new Uint8Array(4))), 'ERANGE')
  t.equal(outcome(setxattrat(dirfd, name, one, bytes('x'), XATTR_CREATE)), 'EEXIST')
  t.equal(setxattrat(dirfd, name, one, bytes('x'), XATTR_REPLACE), 0)
  const two = `${prefix}t\xfeo`
  t.equal(outcome(setxattrat(dirfd, name, two, NONE, XATTR_REPLACE)), 'ENODATA')
  t.equal(setxattrat(dirfd, name, two, NONE, XATTR_CREATE), 0)
  t.equal(getxattrat(dirfd, name, two, new Uint8Array(1)), 0, 'an empty value')
  t.strictSame(list(dirfd, name), [one, two])
  t.equal(listxattrat(dirfd, name, NONE) >= one.length + two.length + 2, true)
  t.equal(outcome(listxattrat(dirfd, name, new Uint8Array(3))), 'ERANGE')
  t.equal(removexattrat(dirfd, name, one), 0)
  t.equal(outcome(removexattrat(dirfd, name, one)), 'ENODATA')
  t.equal(removexattrat(dirfd, name, two), 0)
  t.strictSame(list(dirfd, name), [])
}

for (const kind of ['file', 'directory'] as const) {
  t.test(kind, async t => {
    const { fd, at } = place(t)
    if (kind === 'file') fs.writeFileSync(at('it'), '')
    else fs.mkdirSync(at('it'))
    const open = succeed(openat2(fd, 'it', O_RDONLY, 0, 0))
    const object = succeed(openat2(fd, 'it', O_PATH, 0, 0))
    const before = openDescriptors()
    exercise(t, fd, 'it', 'user.')
    exercise(t, open, '', 'user.')
    exercise(t, object, '', 'user.')
    exercise(t, AT_FDCWD, at('it'), 'user.')
    if (isRoot()) exercise(t, object, '', 'trusted.overlay.')
    t.strictSame(
      openDescriptors().filter(line => !line.endsWith('/fd')),
      before.filter(line => !line.endsWith('/fd')),
    )
    close(open)
    close(object)
  })
}

t.test('symlinks themselves', { skip: isRoot() ? false : 'needs root' }, async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('file'), '')
  fs.symlinkSync('file', at('symlink'))
  const object = succeed(openat2(fd, 'symlink', O_PATH | O_NOFOLLOW, 0, 0))
  exercise(t, fd, 'symlink', 'trusted.')
  exercise(t, object, '', 'trusted.')
  succeed(setxattrat(fd, 'file', 'trusted.target', bytes('1'), 0))
  t.equal(read(fd, 'symlink', 'trusted.target'), 'ENODATA')
  t.equal(read(object, '', 'trusted.target'), 'ENODATA')
  t.equal(outcome(setxattrat(fd, 'symlink', 'user.x', NONE, 0)), 'EPERM')
  t.equal(outcome(setxattrat(object, '', 'user.x', NONE, 0)), 'EPERM')
  close(object)
})

t.test('odd names and errors', async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(Buffer.from(at('f\xff'), 'latin1'), '')
  exercise(t, fd, 'f\xff', 'user.')
  t.equal(read(fd, 'gone', 'user.x'), 'ENOENT')
  t.equal(read(9999, 'gone', 'user.x'), 'EBADF')
  t.equal(read(9999, '', 'user.x'), 'EBADF')
  t.equal(outcome(listxattrat(9999, '', NONE)), 'EBADF')
  t.equal(outcome(removexattrat(9999, '', 'user.x')), 'EBADF')
  t.equal(outcome(setxattrat(9999, '', 'user.x', NONE, 0)), 'EBADF')
  t.equal(read(fd, 'x'.repeat(5000), 'user.x'), 'ENAMETOOLONG')
  t.equal(read(fd, 'f\xff', `user.${'x'.repeat(250)}`), 'ENODATA', 'the longest name')
  t.equal(read(fd, 'f\xff', `user.${'x'.repeat(251)}`), 'ERANGE')
  t.equal(outcome(setxattrat(fd, 'f\xff', 'nonsense', NONE, 0)), 'EOPNOTSUPP')
  t.equal(outcome(setxattrat(fd, 'f\xff', 'user.x', new Uint8Array(65537), 0)), 'E2BIG')
})

t.test('which of many names have an attribute that begins so', async t => {
  const { fd, at } = place(t)
  for (const name of ['plain', 'other', 'has']) fs.writeFileSync(at(name), '')
  fs.symlinkSync('has', at('link'))
  setxattrat(fd, 'other', 'user.overlayer', Buffer.from('x'), 0)
  setxattrat(fd, 'has', 'user.a', Buffer.from('x'), 0)
  setxattrat(fd, 'has', 'user.overlay.opaque', Buffer.from('y'), 0)
  const names = Buffer.from('plain\0other\0has\0link\0gone\0')
  const offsets = Uint32Array.from([0, 6, 12, 16, 21])
  const marks = new Uint8Array(5).fill(9)
  t.equal(xattrPrefixBatch(fd, names, offsets, 0, 5, 'user.overlay.', marks), 0)
  t.same([...marks], [0, 0, 1, 0, 1], 'what is gone cannot be read')
  t.throws(() => xattrPrefixBatch(fd, names, Uint32Array.from([99]), 0, 1, 'u', marks))
})
