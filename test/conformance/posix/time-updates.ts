// Which times each operation changes by itself: of the file and of its directories.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, symlink, type Tree } from '../../helpers/tree.js'
import { check, equal, property, type Context } from '../property.js'

const OLD = 1_000_000_000_000_000_000n

const tree: Tree = {
  f: file('hello', { mtime: OLD }),
  d: dir({ a: file('a'), e: dir(), l: symlink('a') }, { mtime: OLD }),
  o: dir({}, { mtime: OLD }),
}

/** The directory's times when `action` has run: both must be new. */
function touchesDirectory(c: Context, name: string, action: () => void): void {
  calls.utimens(c.at(name), 'omit', OLD)
  const before = calls.stat(c.at(name))
  action()
  const after = calls.stat(c.at(name))
  check(after.mtime > before.mtime, `mtime of ${name} is later`)
  check(after.ctime >= after.mtime, `ctime of ${name} is not before its mtime`)
}

function keepsDirectory(c: Context, name: string, action: () => void): void {
  calls.utimens(c.at(name), 'omit', OLD)
  action()
  equal(calls.stat(c.at(name)).mtime, OLD, `mtime of ${name}`)
}

export default property('time-updates', it => {
  it('making names changes the directory', { tree }, c => {
    touchesDirectory(c, 'd', () => calls.writeFile(c.at('d', 'n1'), ''))
    touchesDirectory(c, 'd', () => calls.mkdir(c.at('d', 'n2')))
    touchesDirectory(c, 'd', () => calls.symlink('x', c.at('d', 'n3')))
    touchesDirectory(c, 'd', () => calls.mknod(c.at('d', 'n4'), C.S_IFIFO | 0o644))
    touchesDirectory(c, 'd', () => calls.link(c.at('f'), c.at('d', 'n5')))
  })

  it('removing names changes the directory', { tree }, c => {
    touchesDirectory(c, 'd', () => calls.unlink(c.at('d', 'a')))
    touchesDirectory(c, 'd', () => calls.rmdir(c.at('d', 'e')))
    touchesDirectory(c, 'd', () => calls.unlink(c.at('d', 'l')))
  })

  it('renaming changes both directories', { tree }, c => {
    calls.utimens(c.at('o'), 'omit', OLD)
    touchesDirectory(c, 'd', () => calls.rename(c.at('d', 'a'), c.at('o', 'a')))
    check(calls.stat(c.at('o')).mtime > OLD, 'mtime of the new parent is later')
    touchesDirectory(c, 'd', () => calls.rename(c.at('d', 'e'), c.at('d', 'f')))
  })

  it('what happens to files does not change the directory', { tree }, c => {
    keepsDirectory(c, 'd', () => calls.writeFile(c.at('d', 'a'), 'changed'))
    keepsDirectory(c, 'd', () => calls.chmod(c.at('d', 'a'), 0o600))
    keepsDirectory(c, 'd', () => calls.utimens(c.at('d', 'a'), OLD, OLD))
    keepsDirectory(c, 'd', () => calls.setxattr(c.at('d', 'a'), 'user.a', 'b'))
    keepsDirectory(c, 'd', () => calls.chmod(c.at('d', 'e'), 0o700))
    keepsDirectory(c, 'd', () => calls.writeFile(c.at('d', 'e', 'n'), ''))
    keepsDirectory(c, 'd', () => calls.readText(c.at('d', 'a')))
    keepsDirectory(c, 'd', () => calls.names(c.at('d')))
  })

  it('a failed operation changes nothing', { tree }, c => {
    const attempt = (action: () => unknown) => (): void => {
      try {
        action()
      } catch {
        return
      }
      check(false, 'it was meant to fail')
    }
    keepsDirectory(
      c,
      'd',
      attempt(() => calls.mkdir(c.at('d', 'a'))),
    )
    keepsDirectory(
      c,
      'd',
      attempt(() => calls.unlink(c.at('d', 'none'))),
    )
    keepsDirectory(
      c,
      'd',
      attempt(() => calls.rmdir(c.at('d'))),
    )
    keepsDirectory(
      c,
      'd',
      attempt(() => calls.symlink('x', c.at('d', 'l'))),
    )
  })

  it('writing changes mtime and ctime', { tree }, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR)
    check(calls.fstat(fd).mtime === OLD, 'opening changes nothing')
    calls.write(fd, 'X')
    const one = calls.fstat(fd)
    check(one.mtime > OLD, 'mtime is later')
    check(one.ctime >= one.mtime, 'ctime is not before mtime')
    calls.close(fd)
    const two = calls.stat(c.at('f'))
    check(two.mtime > OLD, 'mtime is later after close')
  })

  it('reading changes neither', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.readText(c.at('f'))
    const after = calls.stat(c.at('f'))
    equal([after.mtime, after.ctime], [before.mtime, before.ctime], 'mtime and ctime')
  })

  it('truncating changes mtime, also to the same size', { tree }, async c => {
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.ftruncate(fd, 3))
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime after shrinking')
    calls.utimens(c.at('f'), 'omit', OLD)
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.ftruncate(fd, 3))
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime after ftruncate to the same size')
    calls.utimens(c.at('f'), 'omit', OLD)
    calls.close(calls.open(c.at('f'), C.O_WRONLY | C.O_TRUNC))
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime after O_TRUNC')
    calls.utimens(c.at('f'), 'omit', OLD)
    calls.close(calls.open(c.at('f'), C.O_WRONLY | C.O_TRUNC))
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime after O_TRUNC of an empty file')
    const agent = await c.agent()
    calls.utimens(c.at('f'), 'omit', OLD)
    await agent.call('truncate', c.at('f'), 100)
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime after truncate')
  })

  it('attributes change ctime only', { tree }, c => {
    for (const action of [
      () => calls.chmod(c.at('f'), 0o600),
      () => calls.setxattr(c.at('f'), 'user.a', 'b'),
      () => calls.removexattr(c.at('f'), 'user.a'),
      () => calls.link(c.at('f'), c.at('g')),
      () => calls.unlink(c.at('g')),
    ]) {
      const before = calls.stat(c.at('f'))
      action()
      const after = calls.stat(c.at('f'))
      check(after.ctime > before.ctime, 'ctime is later')
      equal(after.mtime, OLD, 'mtime')
    }
  })

  it('renaming changes the ctime of the file, not its mtime', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.rename(c.at('f'), c.at('g'))
    const after = calls.stat(c.at('g'))
    check(after.ctime > before.ctime, 'ctime is later')
    equal(after.mtime, OLD, 'mtime')
  })

  it('fallocate and copy_file_range change mtime', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDWR, fd => calls.fallocate(fd, 0, 0, 10_000))
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime after fallocate')
    calls.utimens(c.at('f'), 'omit', OLD)
    calls.withOpen(c.at('d', 'a'), C.O_RDONLY, from =>
      calls.withOpen(c.at('f'), C.O_RDWR, to => calls.copyFileRange(from, 0, to, 0, 1)),
    )
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime after copy_file_range')
  })

  it('a new file has all four times of now', {}, c => {
    const start = BigInt(Date.now() - 1000) * 1_000_000n
    calls.writeFile(c.at('n'), '')
    calls.mkdir(c.at('m'))
    calls.symlink('x', c.at('l'))
    for (const name of ['n', 'm', 'l']) {
      const stat = calls.lstat(c.at(name))
      check(
        stat.atime > start && stat.mtime > start && stat.ctime > start,
        `times of ${name}`,
      )
    }
  })

  it('a file made over a removed one has times of now', { tree }, c => {
    calls.unlink(c.at('f'))
    calls.writeFile(c.at('f'), 'x')
    check(calls.stat(c.at('f')).mtime > OLD, 'mtime')
    calls.removeTree(c.at('d'))
    calls.mkdir(c.at('d'))
    check(calls.stat(c.at('d')).mtime > OLD, 'mtime of a directory')
  })
})
