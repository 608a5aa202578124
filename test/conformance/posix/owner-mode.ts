// chmod(2) and chown(2): who may, what changes, and which bits go.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, fifo, file, socket, symlink, type Tree } from '../../helpers/tree.js'
import { TEAM, alice, as, bob, carol } from '../../helpers/users.js'
import { check, equal, equalMode, fails, property } from '../property.js'

const tree: Tree = {
  f: file('hello', { mode: 0o644, mtime: 1_500_000_000_000_000_001n }),
  d: dir({ a: file('a') }),
  'to-f': symlink('f'),
  p: fifo(),
  s: socket(),
}

/** Files of alice's. */
const hers: Tree = {
  f: file('x', { uid: alice.uid, gid: alice.gid, mode: 0o755 }),
  d: dir({}, { uid: alice.uid, gid: alice.gid }),
  foreign: file('x', { uid: alice.uid, gid: 4711, mode: 0o755 }),
  roots: file('x', { mode: 0o777 }),
}

export default property('owner-mode', it => {
  it('chmod sets every bit', { tree }, c => {
    for (const name of ['f', 'd', 'p', 's']) {
      for (const mode of [0, 0o7777, 0o1777, 0o2755, 0o4711, 0o644, 0o777]) {
        calls.chmod(c.at(name), mode)
        equalMode(calls.lstat(c.at(name)).mode, mode, `mode of ${name}`)
      }
    }
    equal(calls.stat(c.at('f')).mtime, 1_500_000_000_000_000_001n, 'mtime')
    equal(calls.readText(c.at('f')), 'hello', 'contents')
  })

  it('chmod follows a link, fchmod works by descriptor', { tree }, c => {
    calls.chmod(c.at('to-f'), 0o600)
    equalMode(calls.stat(c.at('f')).mode, 0o600, 'mode')
    calls.withOpen(c.at('f'), C.O_RDONLY, fd => {
      calls.fchmod(fd, 0o640)
      equalMode(calls.fstat(fd).mode, 0o640, 'mode by descriptor')
    })
    equalMode(calls.stat(c.at('f')).mode, 0o640, 'mode by name')
    calls.withOpen(c.at('d'), C.O_RDONLY, fd => calls.fchmod(fd, 0o700))
    equalMode(calls.stat(c.at('d')).mode, 0o700, 'mode of the directory')
  })

  it('chmod of what is not there', { tree }, c => {
    fails('ENOENT', () => calls.chmod(c.at('none'), 0o644))
    fails('ENOTDIR', () => calls.chmod(c.at('f', 'x'), 0o644))
  })

  it('chmod of a directory keeps what is in it', { tree }, c => {
    calls.chmod(c.at('d'), 0o711)
    equal(calls.names(c.at('d')), ['a'], 'names')
    equal(calls.readText(c.at('d', 'a')), 'a', 'contents')
  })

  it('only the owner may chmod', { tree: hers, needs: ['root'] }, c => {
    as(bob, () => {
      fails('EPERM', () => calls.chmod(c.at('f'), 0o777))
      fails('EPERM', () => calls.chmod(c.at('roots'), 0o777))
    })
    as(alice, () => calls.chmod(c.at('f'), 0o700))
    equalMode(calls.stat(c.at('f')).mode, 0o700, 'mode')
  })

  it(
    'chmod by its owner of a file in a foreign group drops setgid',
    { tree: hers, needs: ['root'] },
    c => {
      as(alice, () => {
        calls.chmod(c.at('foreign'), 0o6755)
        calls.chmod(c.at('f'), 0o6755)
      })
      equalMode(calls.stat(c.at('foreign')).mode, 0o4755, 'mode in a foreign group')
      equalMode(calls.stat(c.at('f')).mode, 0o6755, 'mode in her own')
    },
  )

  it('a supplementary group keeps setgid', { tree: hers, needs: ['root'] }, c => {
    calls.chown(c.at('foreign'), alice.uid, TEAM)
    as(alice, () => calls.chmod(c.at('foreign'), 0o2755))
    equalMode(calls.stat(c.at('foreign')).mode, 0o2755, 'mode')
  })

  it(
    'sticky on files and directories by their owner',
    { tree: hers, needs: ['root'] },
    c => {
      as(alice, () => {
        calls.chmod(c.at('f'), 0o1644)
        calls.chmod(c.at('d'), 0o1777)
      })
      equalMode(calls.stat(c.at('f')).mode, 0o1644, 'mode of the file')
      equalMode(calls.stat(c.at('d')).mode, 0o1777, 'mode of the directory')
    },
  )

  it('chown by root', { tree, needs: ['root'] }, c => {
    for (const name of ['f', 'd', 'p', 's']) {
      calls.chown(c.at(name), 1234, 5678)
      const stat = calls.lstat(c.at(name))
      equal([stat.uid, stat.gid], [1234, 5678], `owner of ${name}`)
      calls.chown(c.at(name), -1, 9)
      calls.chown(c.at(name), 8, -1)
      equal(
        [calls.lstat(c.at(name)).uid, calls.lstat(c.at(name)).gid],
        [8, 9],
        'one at a time',
      )
    }
    equal(calls.stat(c.at('f')).mtime, 1_500_000_000_000_000_001n, 'mtime')
  })

  it('large ids', { tree, needs: ['privileged'] }, c => {
    calls.chown(c.at('f'), 4_294_967_290, 3_000_000_000)
    equal(
      [calls.stat(c.at('f')).uid, calls.stat(c.at('f')).gid],
      [4_294_967_290, 3_000_000_000],
      'owner',
    )
  })

  it('chown follows, lchown does not', { tree, needs: ['root'] }, c => {
    calls.lchown(c.at('to-f'), 21, 22)
    equal([calls.lstat(c.at('to-f')).uid, calls.stat(c.at('f')).uid], [21, 0], 'uids')
    calls.chown(c.at('to-f'), 31, 32)
    equal([calls.lstat(c.at('to-f')).uid, calls.stat(c.at('f')).uid], [21, 31], 'uids')
  })

  it('chown of a directory keeps what is in it', { tree, needs: ['root'] }, c => {
    calls.chown(c.at('d'), 51, 52)
    equal(calls.readText(c.at('d', 'a')), 'a', 'contents')
    equal(calls.stat(c.at('d', 'a')).uid, 0, 'owner of the file in it')
  })

  it(
    'an owner may give a file to his groups only',
    { tree: hers, needs: ['root'] },
    c => {
      as(alice, () => {
        calls.chown(c.at('f'), -1, TEAM)
        calls.chown(c.at('f'), alice.uid, alice.gid)
        fails('EPERM', () => calls.chown(c.at('f'), -1, bob.gid))
        fails('EPERM', () => calls.chown(c.at('f'), bob.uid, -1))
        fails('EPERM', () => calls.chown(c.at('roots'), -1, alice.gid))
        calls.chown(c.at('f'), -1, -1)
      })
      as(carol, () => fails('EPERM', () => calls.chown(c.at('f'), -1, TEAM)))
      const stat = calls.stat(c.at('f'))
      equal([stat.uid, stat.gid], [alice.uid, alice.gid], 'owner')
    },
  )

  it('chown by a user clears set-id bits', { tree: hers, needs: ['root'] }, c => {
    for (const [before, after] of [
      [0o6755, 0o755],
      [0o6711, 0o711],
      [0o6777, 0o777],
      // Without group execute, setgid means something else, and goes all the same for a user.
      [0o4644, 0o644],
      [0o1644, 0o1644],
    ] as const) {
      calls.chmod(c.at('f'), before)
      as(alice, () => calls.chown(c.at('f'), -1, TEAM))
      equalMode(
        calls.stat(c.at('f')).mode,
        after,
        `mode after chown of ${before.toString(8)}`,
      )
      calls.chown(c.at('f'), -1, alice.gid)
    }
  })

  it('chown by root clears set-id bits of files', { tree, needs: ['root'] }, c => {
    for (const [before, after] of [
      [0o6755, 0o755],
      [0o4755, 0o755],
      [0o2755, 0o755],
      // setgid without group execute once meant mandatory locking, and stays.
      [0o2745, 0o2745],
      [0o6745, 0o2745],
    ] as const) {
      calls.chmod(c.at('f'), before)
      calls.chown(c.at('f'), 1, 1)
      equalMode(
        calls.stat(c.at('f')).mode,
        after,
        `mode after chown of ${before.toString(8)}`,
      )
    }
  })

  it('chown that changes nothing clears them too', { tree, needs: ['root'] }, c => {
    calls.chmod(c.at('f'), 0o6755)
    calls.chown(c.at('f'), 0, 0)
    equalMode(calls.stat(c.at('f')).mode, 0o755, 'mode')
  })

  it('chown of a directory keeps its bits', { tree, needs: ['root'] }, c => {
    calls.chmod(c.at('d'), 0o7755)
    calls.chown(c.at('d'), 1, 1)
    equalMode(calls.stat(c.at('d')).mode, 0o7755, 'mode')
  })

  it('a changed mode counts at once', { tree: hers, needs: ['root'] }, c => {
    as(bob, () => calls.readText(c.at('f')))
    calls.chmod(c.at('f'), 0o700)
    as(bob, () => fails('EACCES', () => calls.readText(c.at('f'))))
    calls.chmod(c.at('f'), 0o704)
    as(bob, () => calls.readText(c.at('f')))
    calls.chown(c.at('f'), bob.uid, bob.gid)
    as(alice, () => calls.open(c.at('f'), C.O_RDONLY))
    as(bob, () => calls.withOpen(c.at('f'), C.O_RDWR, fd => calls.write(fd, 'bob')))
  })

  it(
    'chmod and chown of an open file by its descriptor',
    { tree, needs: ['root'] },
    c => {
      const fd = calls.open(c.at('f'), C.O_RDWR)
      calls.fchmod(fd, 0o600)
      calls.fchown(fd, alice.uid, alice.gid)
      calls.pwrite(fd, 'HE', 0)
      calls.close(fd)
      as(alice, () =>
        equal(calls.readText(c.at('f')), 'HEllo', 'contents as the new owner'),
      )
    },
  )

  it('changes the time of status only', { tree }, c => {
    const before = calls.stat(c.at('f'))
    calls.chmod(c.at('f'), 0o600)
    const after = calls.stat(c.at('f'))
    check(after.ctime > before.ctime, 'ctime is later')
    equal(after.mtime, before.mtime, 'mtime')
  })
})
