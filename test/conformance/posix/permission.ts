// Who may do what: owner, group, others, supplementary groups, search permission of directories,
// sticky directories. ACLs have their own file.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, symlink, type Tree } from '../../helpers/tree.js'
import {
  TEAM,
  alice,
  as,
  bob,
  carol,
  withoutCapabilities,
  type User,
} from '../../helpers/users.js'
import { check, equal, fails, property } from '../property.js'

const owner = { uid: alice.uid, gid: TEAM }

/** Files of alice's and of the team's, one for each mode. */
const MODES = [
  0o000, 0o400, 0o200, 0o600, 0o040, 0o020, 0o060, 0o004, 0o002, 0o006, 0o046, 0o604,
]
const files: Tree = Object.fromEntries(
  MODES.map(mode => [mode.toString(8), file('data', { ...owner, mode })]),
)

/** Which of the three digits of a mode counts for a user. */
function bitsFor(user: User, mode: number): number {
  if (user.uid === owner.uid) return (mode >> 6) & 7
  if (user.gid === TEAM || user.groups.includes(TEAM)) return (mode >> 3) & 7
  return mode & 7
}

const closed: Tree = {
  'no-search': dir({ f: file('f'), d: dir({ g: file('g') }) }, { mode: 0o744 }),
  'no-read': dir({ f: file('f') }, { mode: 0o711 }),
  'no-write': dir({ f: file('f', { mode: 0o666 }) }, { mode: 0o755 }),
  'to-f': symlink('no-search/f'),
}

const sticky: Tree = {
  s: dir(
    {
      hers: file('a', { uid: alice.uid, gid: alice.gid }),
      his: file('b', { uid: bob.uid, gid: bob.gid }),
      'her-dir': dir({}, { uid: alice.uid, gid: alice.gid }),
    },
    { mode: 0o1777 },
  ),
}

export default property('permission', it => {
  for (const user of [alice, carol, bob]) {
    it(
      `${user.name} opens what the mode lets him`,
      { tree: files, needs: ['root'] },
      c => {
        as(user, () => {
          for (const mode of MODES) {
            const path = c.at(mode.toString(8))
            const bits = bitsFor(user, mode)
            const attempt = (wanted: number, flags: number): void => {
              if ((bits & wanted) === wanted) calls.close(calls.open(path, flags))
              else fails('EACCES', () => calls.open(path, flags))
            }
            attempt(4, C.O_RDONLY)
            attempt(2, C.O_WRONLY)
            attempt(6, C.O_RDWR)
            attempt(2, C.O_WRONLY | C.O_APPEND)
          }
        })
      },
    )
  }

  it('truncating needs write permission', { tree: files, needs: ['root'] }, c => {
    as(bob, () => fails('EACCES', () => calls.open(c.at('604'), C.O_RDONLY | C.O_TRUNC)))
    equal(calls.readText(c.at('604')), 'data', 'contents')
    as(bob, () => calls.close(calls.open(c.at('6'), C.O_WRONLY | C.O_TRUNC)))
    equal(calls.readText(c.at('6')), '', 'contents after bob was allowed')
  })

  it('root may do everything', { tree: files, needs: ['root'] }, c => {
    for (const mode of MODES) calls.writeFile(c.at(mode.toString(8)), 'root')
    equal(calls.readText(c.at('0')), 'root', 'contents')
  })

  it('root without its capabilities may not', { tree: files, needs: ['root'] }, c => {
    withoutCapabilities([C.CAP_DAC_OVERRIDE, C.CAP_DAC_READ_SEARCH], () => {
      fails('EACCES', () => calls.open(c.at('600'), C.O_RDONLY))
      calls.close(calls.open(c.at('6'), C.O_RDWR))
    })
    withoutCapabilities([C.CAP_DAC_OVERRIDE], () => {
      calls.close(calls.open(c.at('600'), C.O_RDONLY))
      fails('EACCES', () => calls.open(c.at('600'), C.O_WRONLY))
    })
  })

  it('access(2) says the same', { tree: files, needs: ['root'] }, async c => {
    const user = await c.agent(carol)
    for (const mode of MODES) {
      const bits = bitsFor(carol, mode)
      for (const wanted of [0, 1, 2, 4, 6, 7]) {
        const answer = await user.attempt(5000, 'access', c.at(mode.toString(8)), wanted)
        const expected = (bits & wanted) === wanted ? 0 : -13
        equal(answer.value, expected, `access to 0${mode.toString(8)} for ${wanted}`)
      }
    }
  })

  it('a directory without search permission', { tree: closed, needs: ['root'] }, c => {
    as(bob, () => {
      equal(calls.names(c.at('no-search')), ['d', 'f'], 'names may be read')
      fails('EACCES', () => calls.lstat(c.at('no-search', 'f')))
      fails('EACCES', () => calls.open(c.at('no-search', 'f'), C.O_RDONLY))
      fails('EACCES', () => calls.open(c.at('no-search', 'd', 'g'), C.O_RDONLY))
      fails('EACCES', () => calls.lstat(c.at('no-search', 'none')))
      fails('EACCES', () => calls.stat(c.at('to-f')))
      fails('EACCES', () => calls.unlink(c.at('no-search', 'f')))
    })
  })

  it('a directory without read permission', { tree: closed, needs: ['root'] }, c => {
    as(bob, () => {
      fails('EACCES', () => calls.names(c.at('no-read')))
      equal(calls.readText(c.at('no-read', 'f')), 'f', 'contents')
    })
  })

  it('a directory without write permission', { tree: closed, needs: ['root'] }, c => {
    as(bob, () => {
      const at = (name: string): string => c.at('no-write', name)
      fails('EACCES', () => calls.writeFile(at('n'), ''))
      fails('EACCES', () => calls.mkdir(at('n')))
      fails('EACCES', () => calls.symlink('x', at('n')))
      fails('EACCES', () => calls.mknod(at('n'), C.S_IFIFO | 0o644))
      fails('EACCES', () => calls.link(at('f'), at('n')))
      fails('EACCES', () => calls.unlink(at('f')))
      fails('EACCES', () => calls.rename(at('f'), at('n')))
      fails('EACCES', () => calls.rename(at('f'), c.at('n')))
      fails('EACCES', () => calls.rename(c.at('to-f'), at('n')))
      // What exists may be changed all the same.
      calls.withOpen(at('f'), C.O_WRONLY | C.O_CREAT, fd => calls.write(fd, 'B'))
      fails('EEXIST', () => calls.mkdir(at('f')))
    })
    equal(calls.readText(c.at('no-write', 'f')), 'B', 'contents')
  })

  it(
    'a file becomes readable when its directory does',
    { tree: closed, needs: ['root'] },
    c => {
      as(bob, () => fails('EACCES', () => calls.readText(c.at('no-search', 'f'))))
      calls.chmod(c.at('no-search'), 0o755)
      as(bob, () => equal(calls.readText(c.at('no-search', 'f')), 'f', 'contents'))
      calls.chmod(c.at('no-search'), 0o700)
      as(bob, () => fails('EACCES', () => calls.readText(c.at('no-search', 'f'))))
    },
  )

  it('sticky directories', { tree: sticky, needs: ['root'] }, c => {
    const at = (name: string): string => c.at('s', name)
    as(bob, () => {
      fails('EPERM', () => calls.unlink(at('hers')))
      fails('EPERM', () => calls.rmdir(at('her-dir')))
      fails('EPERM', () => calls.rename(at('hers'), at('x')))
      fails('EPERM', () => calls.rename(at('his'), at('hers')))
      fails('EPERM', () => calls.rename(at('his'), at('hers'), C.RENAME_EXCHANGE))
      calls.rename(at('his'), at('mine'))
      calls.unlink(at('mine'))
    })
    as(alice, () => {
      calls.unlink(at('hers'))
      calls.rmdir(at('her-dir'))
    })
    equal(calls.names(c.at('s')), [], 'names')
  })

  it(
    'the owner of a sticky directory may remove all',
    { tree: sticky, needs: ['root'] },
    c => {
      calls.chown(c.at('s'), alice.uid, alice.gid)
      as(alice, () => {
        calls.unlink(c.at('s', 'his'))
        calls.rename(c.at('s', 'hers'), c.at('moved'))
      })
      check(!calls.exists(c.at('s', 'his')), 'gone')
    },
  )

  it(
    'a directory of another in a sticky one cannot be moved',
    { tree: sticky, needs: ['root'] },
    c => {
      calls.chmod(c.at('s', 'her-dir'), 0o777)
      as(bob, () => fails('EPERM', () => calls.rename(c.at('s', 'her-dir'), c.at('d'))))
    },
  )

  it(
    'moving a directory to a new parent needs write permission on it',
    {
      tree: {
        a: dir({ d: dir({}, { uid: alice.uid, mode: 0o755 }) }, { mode: 0o777 }),
        b: dir({}, { mode: 0o777 }),
      },
      needs: ['root'],
    },
    c => {
      as(bob, () => {
        fails('EACCES', () => calls.rename(c.at('a', 'd'), c.at('b', 'd')))
        calls.rename(c.at('a', 'd'), c.at('a', 'e'))
      })
    },
  )

  it("O_NOATIME is the owner's", { tree: files, needs: ['root'] }, c => {
    as(alice, () => calls.close(calls.open(c.at('400'), C.O_RDONLY | C.O_NOATIME)))
    as(bob, () => fails('EPERM', () => calls.open(c.at('6'), C.O_RDONLY | C.O_NOATIME)))
  })

  it('permissions were checked at open', { tree: files, needs: ['root'] }, async c => {
    const user = await c.agent(alice)
    const fd = await user.call('open', c.at('600'), C.O_RDWR)
    calls.chmod(c.at('600'), 0)
    calls.chown(c.at('600'), 0, 0)
    await user.call('pwrite', fd, 'more', 0)
    equal((await user.ask('pread', fd, 10, 0)).rest[0], 'more', 'contents')
  })

  it(
    'files of users stay theirs through changes by others',
    { tree: files, needs: ['root'] },
    c => {
      as(bob, () => calls.withOpen(c.at('6'), C.O_RDWR, fd => calls.write(fd, 'bob')))
      calls.withOpen(c.at('60'), C.O_RDWR, fd => calls.write(fd, 'root'))
      for (const name of ['6', '60']) {
        const stat = calls.stat(c.at(name))
        equal([stat.uid, stat.gid], [owner.uid, owner.gid], `owner of ${name}`)
      }
    },
  )
})
