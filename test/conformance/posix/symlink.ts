// symlink(2), readlink(2) and following links: targets are bytes, kept as they are.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, symlink, type Tree } from '../../helpers/tree.js'
import { check, equal, fails, property } from '../property.js'

const tree: Tree = {
  f: file('hello'),
  d: dir({ inner: file('in'), up: symlink('../f'), 'to-up': symlink('up') }),
  'to-f': symlink('f'),
  'to-d': symlink('d'),
  dangling: symlink('nothing'),
  absolute: symlink('/dev/null'),
  self: symlink('self'),
}

export default property('symlink', it => {
  it('keeps its target', { tree }, c => {
    equal(calls.readlink(c.at('to-f')), 'f', 'target')
    equal(calls.readlink(c.at('absolute')), '/dev/null', 'absolute target')
    equal(calls.lstat(c.at('to-f')).size, 1, 'size')
    equal(calls.lstat(c.at('absolute')).size, 9, 'size of the absolute one')
    equal(calls.stat(c.at('absolute')).rdev, '1:3', 'what it leads to')
  })

  it('targets of all lengths', {}, c => {
    // xfs takes 1023 bytes, ext4 4094.
    for (const length of [1, 2, 58, 59, 60, 61, 100, 255, 256, 1000, 1023]) {
      const target = 'x'.repeat(length)
      calls.symlink(target, c.at(`l${length}`))
      equal(calls.readlink(c.at(`l${length}`)).length, length, 'length read')
      equal(calls.lstat(c.at(`l${length}`)).size, length, 'size')
    }
  })

  it('a long target in a lower file', { tree: { l: symlink('y'.repeat(1000)) } }, c => {
    equal(calls.readlink(c.at('l')), 'y'.repeat(1000), 'target')
    calls.rename(c.at('l'), c.at('m'))
    equal(calls.readlink(c.at('m')), 'y'.repeat(1000), 'target after rename')
  })

  it('targets that are too long or empty', {}, c => {
    fails('ENAMETOOLONG', () => calls.symlink('x'.repeat(4096), c.at('long')))
    fails('ENOENT', () => calls.symlink('', c.at('empty')))
    equal(calls.names(c.dir), [], 'names')
  })

  it('targets that are not UTF-8', {}, c => {
    const target = Array.from({ length: 255 }, (_, i) => String.fromCharCode(i + 1)).join(
      '',
    )
    calls.symlink(target, c.at('l'))
    equal(calls.readlink(c.at('l')), target, 'target')
    calls.rename(c.at('l'), c.at('m'))
    equal(calls.readlink(c.at('m')), target, 'target after rename')
  })

  it('refuses existing names', { tree }, c => {
    for (const name of Object.keys(tree)) {
      fails('EEXIST', () => calls.symlink('x', c.at(name)))
    }
    fails('ENOENT', () => calls.symlink('x', c.at('none', 'x')))
    fails('ENOTDIR', () => calls.symlink('x', c.at('f', 'x')))
  })

  it('is followed in the middle and at the end', { tree }, c => {
    equal(calls.readText(c.at('to-d', 'inner')), 'in', 'through a directory')
    equal(calls.readText(c.at('to-d', 'to-up')), 'hello', 'through a chain')
    equal(calls.stat(c.at('to-f')).ino, calls.stat(c.at('f')).ino, 'ino')
    check(
      calls.lstat(c.at('to-f')).ino !== calls.stat(c.at('f')).ino,
      'an inode of its own',
    )
    fails('ENOENT', () => calls.stat(c.at('dangling')))
    fails('ELOOP', () => calls.stat(c.at('self')))
  })

  it('chains of up to 40 links', {}, c => {
    calls.writeFile(c.at('l0'), 'end')
    for (let i = 1; i <= 41; i++) calls.symlink(`l${i - 1}`, c.at(`l${i}`))
    equal(calls.readText(c.at('l40')), 'end', 'through 40')
    fails('ELOOP', () => calls.readText(c.at('l41')))
  })

  it('readlink of what is no link', { tree }, c => {
    fails('EINVAL', () => calls.readlink(c.at('f')))
    fails('EINVAL', () => calls.readlink(c.at('d')))
    fails('ENOENT', () => calls.readlink(c.at('none')))
  })

  it('a slash at the end follows', { tree }, c => {
    equal(calls.lstat(`${c.at('to-d')}/`).mode & C.S_IFMT, C.S_IFDIR, 'type')
    fails('ENOTDIR', () => calls.lstat(`${c.at('to-f')}/`))
  })

  it('a link in the place of a removed name', { tree }, c => {
    calls.unlink(c.at('f'))
    calls.symlink('d', c.at('f'))
    equal(calls.readText(c.at('f', 'inner')), 'in', 'through the new link')
    calls.unlink(c.at('to-f'))
    calls.symlink('other', c.at('to-f'))
    equal(calls.readlink(c.at('to-f')), 'other', 'target')
  })

  it('owner and times of the link itself', { tree, needs: ['root'] }, c => {
    const before = calls.stat(c.at('f'))
    calls.lchown(c.at('to-f'), 12, 34)
    calls.utimens(c.at('to-f'), 111n, 1_234_567_890_123_456_789n, C.AT_SYMLINK_NOFOLLOW)
    const link = calls.lstat(c.at('to-f'))
    equal([link.uid, link.gid], [12, 34], 'owner of the link')
    equal(link.mtime, 1_234_567_890_123_456_789n, 'mtime of the link')
    const after = calls.stat(c.at('f'))
    equal(
      [after.uid, after.gid, after.mtime],
      [before.uid, before.gid, before.mtime],
      'file',
    )
    equal(calls.readlink(c.at('to-f')), 'f', 'target')
  })

  it('times of a dangling link', { tree }, c => {
    calls.utimens(c.at('dangling'), 5n, 7_000_000_000n, C.AT_SYMLINK_NOFOLLOW)
    equal(calls.lstat(c.at('dangling')).mtime, 7_000_000_000n, 'mtime')
  })

  it('the mode of a link cannot be changed', { tree }, c => {
    fails('EOPNOTSUPP', () => calls.lchmod(c.at('to-f'), 0o600))
  })
})
