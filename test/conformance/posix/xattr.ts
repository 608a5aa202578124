// Extended attributes: values are bytes, names are lists, and each kind of file takes its kinds.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, hardlink, symlink, type Tree } from '../../helpers/tree.js'
import { alice, as, bob } from '../../helpers/users.js'
import { check, equal, equalMode, fails, property } from '../property.js'

const tree: Tree = {
  f: file('hello', {
    xattrs: { 'user.one': 'first', 'user.empty': '' },
    mtime: 1_000_000_000n,
  }),
  d: dir({ a: file('a') }, { xattrs: { 'user.dir': 'of d' } }),
  l: symlink('f'),
  p: fifo(),
  plain: file('x'),
}

const own: Tree = {
  f: file('x', {
    uid: alice.uid,
    gid: alice.gid,
    mode: 0o644,
    xattrs: { 'user.a': 'b' },
  }),
  secret: file('x', {
    uid: alice.uid,
    gid: alice.gid,
    mode: 0o600,
    xattrs: { 'user.a': 'b' },
  }),
  shared: file('x', { uid: alice.uid, gid: alice.gid, mode: 0o666 }),
}

/** The names of a class, since a filesystem may show attributes of its own (ACLs, labels). */
function users(place: calls.Place): string[] {
  return calls.listxattr(place).filter(name => name.startsWith('user.'))
}

export default property('xattr', it => {
  it('are as they were set before', { tree }, c => {
    equal(calls.getxattr(c.at('f'), 'user.one').toString(), 'first', 'value')
    equal(calls.getxattr(c.at('f'), 'user.empty').length, 0, 'length of an empty value')
    equal(
      calls.getxattr(c.at('d'), 'user.dir').toString(),
      'of d',
      'value of the directory',
    )
    equal(users(c.at('f')), ['user.empty', 'user.one'], 'list')
    equal(users(c.at('plain')), [], 'list of a file without')
  })

  for (const name of ['f', 'd']) {
    it(`set, get, list, remove on ${name}`, { tree }, c => {
      const path = c.at(name)
      const before = users(path)
      calls.setxattr(path, 'user.new', 'value \0 with \xff bytes')
      equal(
        calls.getxattr(path, 'user.new').toString('latin1'),
        'value \0 with \xff bytes',
        'value',
      )
      equal(users(path), [...before, 'user.new'].sort(), 'list')
      calls.setxattr(path, 'user.new', 'other')
      equal(calls.getxattr(path, 'user.new').toString(), 'other', 'value when replaced')
      calls.removexattr(path, 'user.new')
      equal(users(path), before, 'list when removed')
      fails('ENODATA', () => calls.getxattr(path, 'user.new'))
      fails('ENODATA', () => calls.removexattr(path, 'user.new'))
    })
  }

  it('removing one that was there before', { tree }, c => {
    calls.removexattr(c.at('f'), 'user.one')
    equal(users(c.at('f')), ['user.empty'], 'list')
    fails('ENODATA', () => calls.getxattr(c.at('f'), 'user.one'))
    calls.removexattr(c.at('d'), 'user.dir')
    equal(users(c.at('d')), [], 'list of the directory')
    equal(calls.names(c.at('d')), ['a'], 'names in the directory')
  })

  it('CREATE and REPLACE', { tree }, c => {
    fails('EEXIST', () => calls.setxattr(c.at('f'), 'user.one', 'x', C.XATTR_CREATE))
    fails('ENODATA', () => calls.setxattr(c.at('f'), 'user.none', 'x', C.XATTR_REPLACE))
    calls.setxattr(c.at('f'), 'user.none', 'made', C.XATTR_CREATE)
    calls.setxattr(c.at('f'), 'user.one', 'replaced', C.XATTR_REPLACE)
    equal(calls.getxattr(c.at('f'), 'user.none').toString(), 'made', 'created')
    equal(calls.getxattr(c.at('f'), 'user.one').toString(), 'replaced', 'replaced')
    fails('EINVAL', () => calls.setxattr(c.at('f'), 'user.one', 'x', 8))
  })

  it('sizes', { tree }, c => {
    equal(calls.getxattrInto(c.at('f'), 'user.one', 0), 5, 'length asked for')
    fails('ERANGE', () => calls.getxattrInto(c.at('f'), 'user.one', 3))
    equal(calls.getxattrInto(c.at('f'), 'user.one', 5), 5, 'exact room')
    for (const size of [0, 1, 100, 1000, 2000]) {
      const value = Buffer.alloc(size, 'v')
      calls.setxattr(c.at('f'), 'user.sized', value)
      check(
        calls.getxattr(c.at('f'), 'user.sized').equals(value),
        `value of ${size} bytes`,
      )
    }
  })

  it('a value of 64 KiB', { tree }, c => {
    const value = Buffer.alloc(65_536, 'w')
    calls.setxattr(c.at('plain'), 'user.large', value)
    check(calls.getxattr(c.at('plain'), 'user.large').equals(value), 'value')
    calls.chmod(c.at('plain'), 0o600)
    check(calls.getxattr(c.at('plain'), 'user.large').equals(value), 'value after chmod')
    fails(['E2BIG', 'ENOSPC'], () =>
      calls.setxattr(c.at('plain'), 'user.x', Buffer.alloc(65_537)),
    )
  })

  it('names', { tree }, c => {
    const long = `user.${'n'.repeat(250)}`
    calls.setxattr(c.at('plain'), long, 'x')
    calls.setxattr(c.at('plain'), 'user.\xff\xfe \n', 'bytes')
    equal(users(c.at('plain')), [long, 'user.\xff\xfe \n'].sort(), 'list')
    fails('ERANGE', () => calls.setxattr(c.at('plain'), `user.${'n'.repeat(251)}`, 'x'))
    fails(['ERANGE', 'EINVAL'], () => calls.setxattr(c.at('plain'), '', 'x'))
    fails('EOPNOTSUPP', () => calls.setxattr(c.at('plain'), 'nosuchclass.a', 'x'))
    fails('EOPNOTSUPP', () => calls.getxattr(c.at('plain'), 'nosuchclass.a'))
    fails(['EINVAL', 'EOPNOTSUPP'], () => calls.setxattr(c.at('plain'), 'user.', 'x'))
  })

  it('50 of them', { tree }, c => {
    for (let i = 0; i < 50; i++) calls.setxattr(c.at('plain'), `user.n${i}`, `value ${i}`)
    equal(users(c.at('plain')).length, 50, 'count')
    calls.chmod(c.at('plain'), 0o600)
    for (let i = 0; i < 50; i++) {
      equal(calls.getxattr(c.at('plain'), `user.n${i}`).toString(), `value ${i}`, 'value')
    }
  })

  it('user attributes are for files and directories', { tree }, c => {
    for (const name of ['l', 'p']) {
      fails('EPERM', () => calls.setxattr(c.at(name), 'user.a', 'b'))
      fails('ENODATA', () => calls.getxattr(c.at(name), 'user.a'))
    }
  })

  it(
    'trusted attributes, also of links and fifos',
    { tree, needs: ['privileged'] },
    c => {
      for (const name of ['f', 'd', 'l', 'p']) {
        calls.setxattr(c.at(name), 'trusted.t', `of ${name}`)
        equal(calls.getxattr(c.at(name), 'trusted.t').toString(), `of ${name}`, 'value')
        check(calls.listxattr(c.at(name)).includes('trusted.t'), `${name}: in the list`)
        calls.removexattr(c.at(name), 'trusted.t')
        fails('ENODATA', () => calls.getxattr(c.at(name), 'trusted.t'))
      }
      equal(calls.readlink(c.at('l')), 'f', 'target of the link')
    },
  )

  it("trusted attributes are root's", { tree, needs: ['privileged'] }, c => {
    calls.chmod(c.at('f'), 0o666)
    calls.setxattr(c.at('f'), 'trusted.t', 'x')
    as(alice, () => {
      fails('EPERM', () => calls.setxattr(c.at('f'), 'trusted.t', 'y'))
      fails(['ENODATA', 'EPERM'], () => calls.getxattr(c.at('f'), 'trusted.t'))
      check(!calls.listxattr(c.at('f')).includes('trusted.t'), 'not in her list')
    })
  })

  it('security attributes', { tree, needs: ['privileged'] }, c => {
    calls.setxattr(c.at('f'), 'security.test', 'label')
    equal(calls.getxattr(c.at('f'), 'security.test').toString(), 'label', 'value')
    calls.chmod(c.at('f'), 0o600)
    check(calls.listxattr(c.at('f')).includes('security.test'), 'in the list after chmod')
    as(alice, () => fails('EPERM', () => calls.setxattr(c.at('f'), 'security.test', 'x')))
  })

  it("user attributes need the file's permissions", { tree: own, needs: ['root'] }, c => {
    as(bob, () => {
      equal(calls.getxattr(c.at('f'), 'user.a').toString(), 'b', 'readable')
      fails('EACCES', () => calls.setxattr(c.at('f'), 'user.a', 'c'))
      fails('EACCES', () => calls.removexattr(c.at('f'), 'user.a'))
      fails('EACCES', () => calls.getxattr(c.at('secret'), 'user.a'))
      calls.setxattr(c.at('shared'), 'user.bob', 'was here')
    })
    as(alice, () => calls.setxattr(c.at('f'), 'user.a', 'hers'))
    equal(calls.getxattr(c.at('f'), 'user.a').toString(), 'hers', 'value')
  })

  it(
    "a sticky directory's are its owner's",
    { tree: { d: dir({}, { mode: 0o1777 }) }, needs: ['root'] },
    c => {
      as(bob, () => fails('EPERM', () => calls.setxattr(c.at('d'), 'user.a', 'b')))
      calls.setxattr(c.at('d'), 'user.a', 'b')
    },
  )

  it(
    'follow the file through rename, link and copy-on-change',
    {
      tree: { a: file('x', { xattrs: { 'user.k': 'v' } }), b: hardlink('a') },
    },
    c => {
      calls.rename(c.at('a'), c.at('z'))
      equal(calls.getxattr(c.at('z'), 'user.k').toString(), 'v', 'after rename')
      calls.setxattr(c.at('z'), 'user.k', 'w')
      equal(calls.getxattr(c.at('b'), 'user.k').toString(), 'w', 'by the other name')
      calls.writeFile(c.at('b'), 'data')
      equal(calls.getxattr(c.at('z'), 'user.k').toString(), 'w', 'after a write')
    },
  )

  it('of an open file by descriptor', { tree }, c => {
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      calls.setxattr([fd, ''], 'user.fd', 'x')
      equal(calls.getxattr([fd, ''], 'user.fd').toString(), 'x', 'value')
      calls.removexattr([fd, ''], 'user.one')
    })
    equal(users(c.at('f')), ['user.empty', 'user.fd'], 'list')
  })

  it('change nothing else', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.setxattr(c.at('f'), 'user.z', 'z')
    const after = calls.stat(c.at('f'))
    equal(
      [after.mtime, after.size, after.ino],
      [before.mtime, before.size, before.ino],
      'stat',
    )
    equalMode(after.mode, before.mode & 0o7777, 'mode')
    equal(calls.readText(c.at('f')), 'hello', 'contents')
  })

  it('a new file in the place of a removed one has none', { tree }, c => {
    calls.unlink(c.at('f'))
    calls.writeFile(c.at('f'), '')
    equal(users(c.at('f')), [], 'list')
    calls.unlink(c.at('d', 'a'))
    calls.rmdir(c.at('d'))
    calls.mkdir(c.at('d'))
    equal(users(c.at('d')), [], 'list of a directory')
  })

  it('overlay attributes of our own are hidden from lists', { tree }, c => {
    calls.chmod(c.at('f'), 0o600)
    calls.writeFile(c.at('d', 'n'), '')
    calls.rename(c.at('d'), c.at('e'))
    const seen = [c.at('f'), c.at('e'), c.dir].flatMap(path => calls.listxattr(path))
    equal(
      seen.filter(name => name.includes('overlay')),
      [],
      'attributes of the format',
    )
  })
})
