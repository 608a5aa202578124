// chattr(1): the append-only, immutable and other flags of inodes, set and obeyed.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, type Tree } from '../../helpers/tree.js'
import { alice, as } from '../../helpers/users.js'
import { check, equal, fails, property, type Context } from '../property.js'

const tree: Tree = {
  f: file('hello', { uid: alice.uid, gid: alice.gid, mode: 0o666 }),
  d: dir({ a: file('a') }, { mode: 0o777 }),
}

/** Sets flags of a name for the time of the case. */
function setFlag(c: Context, name: string, flag: number): void {
  const fd = calls.open(c.at(name), C.O_RDONLY)
  const before = calls.getFlags(fd)
  calls.setFlags(fd, before | flag)
  c.defer(() => {
    calls.setFlags(fd, before)
    calls.close(fd)
  })
}

function hasFlag(c: Context, name: string, flag: number): boolean {
  return calls.withOpen(c.at(name), C.O_RDONLY, fd => (calls.getFlags(fd) & flag) !== 0)
}

export default property('inode-flags', it => {
  it('an immutable file', { tree, needs: ['privileged'] }, c => {
    setFlag(c, 'f', C.FS_IMMUTABLE_FL)
    check(hasFlag(c, 'f', C.FS_IMMUTABLE_FL), 'the flag is read back')
    fails('EPERM', () => calls.open(c.at('f'), C.O_WRONLY))
    fails('EPERM', () => calls.open(c.at('f'), C.O_WRONLY | C.O_APPEND))
    fails('EPERM', () => calls.chmod(c.at('f'), 0o600))
    fails('EPERM', () => calls.chown(c.at('f'), 1, 1))
    fails('EPERM', () => calls.utimens(c.at('f'), 1n, 1n))
    fails('EPERM', () => calls.unlink(c.at('f')))
    fails('EPERM', () => calls.rename(c.at('f'), c.at('g')))
    fails('EPERM', () => calls.link(c.at('f'), c.at('g')))
    fails('EPERM', () => calls.setxattr(c.at('f'), 'user.a', 'b'))
    equal(calls.readText(c.at('f')), 'hello', 'contents')
  })

  it('an append-only file', { tree, needs: ['privileged'] }, c => {
    setFlag(c, 'f', C.FS_APPEND_FL)
    fails('EPERM', () => calls.open(c.at('f'), C.O_WRONLY))
    fails('EPERM', () => calls.open(c.at('f'), C.O_WRONLY | C.O_APPEND | C.O_TRUNC))
    calls.withOpen(c.at('f'), C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, '!'))
    fails('EPERM', () => calls.unlink(c.at('f')))
    fails('EPERM', () => calls.rename(c.at('f'), c.at('g')))
    equal(calls.readText(c.at('f')), 'hello!', 'contents')
  })

  it('an immutable directory', { tree, needs: ['privileged'] }, c => {
    setFlag(c, 'd', C.FS_IMMUTABLE_FL)
    fails('EPERM', () => calls.writeFile(c.at('d', 'n'), ''))
    fails('EPERM', () => calls.mkdir(c.at('d', 'n')))
    fails('EPERM', () => calls.unlink(c.at('d', 'a')))
    fails('EPERM', () => calls.rename(c.at('d', 'a'), c.at('d', 'b')))
    fails('EPERM', () => calls.rename(c.at('f'), c.at('d', 'f')))
    calls.writeFile(c.at('d', 'a'), 'files in it may change')
    equal(calls.names(c.at('d')), ['a'], 'names')
  })

  it('an append-only directory', { tree, needs: ['privileged'] }, c => {
    setFlag(c, 'd', C.FS_APPEND_FL)
    calls.writeFile(c.at('d', 'n'), 'new')
    fails('EPERM', () => calls.unlink(c.at('d', 'a')))
    fails('EPERM', () => calls.rename(c.at('d', 'a'), c.at('b')))
    equal(calls.names(c.at('d')), ['a', 'n'], 'names')
  })

  it(
    'the flag of a file that is unlinked elsewhere goes with it',
    { tree, needs: ['privileged'] },
    c => {
      const fd = calls.open(c.at('f'), C.O_RDONLY)
      calls.setFlags(fd, calls.getFlags(fd) | C.FS_IMMUTABLE_FL)
      calls.setFlags(fd, calls.getFlags(fd) & ~C.FS_IMMUTABLE_FL)
      calls.close(fd)
      calls.withOpen(c.at('f'), C.O_WRONLY, other => calls.write(other, 'J'))
      equal(calls.readText(c.at('f')), 'Jello', 'contents')
      calls.unlink(c.at('f'))
    },
  )

  it('statx shows them', { tree, needs: ['privileged'] }, c => {
    setFlag(c, 'f', C.FS_IMMUTABLE_FL)
    const stat = calls.stat(c.at('f'))
    check((stat.attributesMask & C.STATX_ATTR_IMMUTABLE) !== 0, 'the attribute is known')
    check((stat.attributes & C.STATX_ATTR_IMMUTABLE) !== 0, 'the attribute is set')
  })

  it('nodump and noatime are kept', { tree, needs: ['privileged'] }, c => {
    setFlag(c, 'f', C.FS_NODUMP_FL | C.FS_NOATIME_FL)
    check(hasFlag(c, 'f', C.FS_NODUMP_FL), 'nodump')
    check(hasFlag(c, 'f', C.FS_NOATIME_FL), 'noatime')
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'x'))
    check(hasFlag(c, 'f', C.FS_NODUMP_FL), 'nodump after a write')
  })

  it('an owner may set nodump, not immutable', { tree, needs: ['root'] }, c => {
    as(alice, () => {
      calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
        const before = calls.getFlags(fd)
        calls.setFlags(fd, before | C.FS_NODUMP_FL)
        fails('EPERM', () => calls.setFlags(fd, before | C.FS_IMMUTABLE_FL))
      })
    })
    as({ name: 'stranger', uid: 3999, gid: 3999, groups: [] }, () => {
      calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
        fails(['EPERM', 'EACCES'], () =>
          calls.setFlags(fd, calls.getFlags(fd) & ~C.FS_NODUMP_FL),
        )
      })
    })
    check(hasFlag(c, 'f', C.FS_NODUMP_FL), 'nodump')
  })

  it('an unknown ioctl', { tree: { f: file('x') } }, c => {
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      fails('ENOTTY', () => calls.ioctl(fd, 0x80047f7f))
    })
  })
})
