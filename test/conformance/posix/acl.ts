// POSIX ACLs: enforced, inherited, and kept in step with the mode. They are set as the raw
// attributes of acl(5), so that no tool stands between.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file, type Tree } from '../../helpers/tree.js'
import { TEAM, alice, as, bob, carol } from '../../helpers/users.js'
import { equal, equalMode, fails, property } from '../property.js'

const ACCESS = 'system.posix_acl_access'
const DEFAULT = 'system.posix_acl_default'

const TAGS = { u: 0x01, U: 0x02, g: 0x04, G: 0x08, m: 0x10, o: 0x20 } as const
const ANY = 0xffffffff

/**
 * "u:rwx U3001:r-x g:r-x G3100:rwx m:rwx o:---" as the attribute's bytes: capital letters name
 * the id they are for. In the order the kernel wants.
 */
function acl(text: string): Buffer {
  const entries = text.split(' ').map(entry => {
    const [who = '', what = ''] = entry.split(':')
    const letter = who.slice(0, 1) as keyof typeof TAGS
    const id = who.length > 1 ? Number(who.slice(1)) : ANY
    const bits = [...what].reduce((sum, bit) => sum | ({ r: 4, w: 2, x: 1 }[bit] ?? 0), 0)
    return [TAGS[letter], bits, id] as const
  })
  const bytes = Buffer.alloc(4 + entries.length * 8)
  bytes.writeUInt32LE(2, 0)
  entries.forEach(([tag, bits, id], i) => {
    bytes.writeUInt16LE(tag, 4 + i * 8)
    bytes.writeUInt16LE(bits, 6 + i * 8)
    bytes.writeUInt32LE(id, 8 + i * 8)
  })
  return bytes
}

/** The attribute in the text form of `acl`. */
function shown(path: string, name: string): string {
  const bytes = calls.getxattr(path, name)
  const parts: string[] = []
  for (let at = 4; at < bytes.length; at += 8) {
    const tag = bytes.readUInt16LE(at)
    const bits = bytes.readUInt16LE(at + 2)
    const id = bytes.readUInt32LE(at + 4)
    const letter = Object.entries(TAGS).find(([, number]) => number === tag)?.[0] ?? '?'
    const who = id === ANY ? letter : `${letter}${id}`
    const rights = ['r', 'w', 'x'].map((bit, i) => ((bits & (4 >> i)) === 0 ? '-' : bit))
    parts.push(`${who}:${rights.join('')}`)
  }
  return parts.join(' ')
}

const BOB = `U${bob.uid}`
const GROUP = `G${TEAM}`
const RICH = `u:rwx ${BOB}:r-- g:--- ${GROUP}:rw- m:rwx o:---`

const tree: Tree = {
  f: file('secret', { mode: 0o600 }),
  listed: file('shared', {
    mode: 0o600,
    xattrs: { [ACCESS]: acl(RICH).toString('latin1') },
  }),
  d: dir({ old: file('old') }, { mode: 0o700 }),
  dd: dir(
    { old: file('old', { mode: 0o600 }) },
    {
      mode: 0o777,
      xattrs: { [DEFAULT]: acl(`u:rwx ${BOB}:rw- g:r-x m:rwx o:---`).toString('latin1') },
    },
  ),
}

export default property('acl', it => {
  it('is kept as set, and shows in the mode', { tree, needs: ['root'] }, c => {
    calls.setxattr(c.at('f'), ACCESS, acl(RICH))
    equal(shown(c.at('f'), ACCESS), RICH, 'acl')
    // The group bits are the mask.
    equalMode(calls.stat(c.at('f')).mode, 0o770, 'mode')
    equal(calls.listxattr(c.at('f')).includes(ACCESS), true, 'in the list')
    equal(shown(c.at('listed'), ACCESS), RICH, 'one that was there before')
  })

  it('gives rights to named users and groups', { tree, needs: ['root'] }, c => {
    for (const name of ['f', 'listed']) {
      if (name === 'f') calls.setxattr(c.at('f'), ACCESS, acl(RICH))
      as(bob, () => {
        calls.close(calls.open(c.at(name), C.O_RDONLY))
        fails('EACCES', () => calls.open(c.at(name), C.O_WRONLY))
      })
      for (const member of [alice, carol]) {
        as(member, () => calls.close(calls.open(c.at(name), C.O_RDWR)))
      }
      as({ name: 'stranger', uid: 3999, gid: 3999, groups: [] }, () => {
        fails('EACCES', () => calls.open(c.at(name), C.O_RDONLY))
      })
    }
  })

  it(
    'a named user is not a member of the group any more',
    { tree, needs: ['root'] },
    c => {
      calls.setxattr(
        c.at('f'),
        ACCESS,
        acl(`u:rw- U${alice.uid}:--- g:--- ${GROUP}:rw- m:rw- o:rw-`),
      )
      as(alice, () => fails('EACCES', () => calls.open(c.at('f'), C.O_RDONLY)))
      as(carol, () => calls.close(calls.open(c.at('f'), C.O_RDWR)))
    },
  )

  it('the mask limits, chmod sets the mask', { tree, needs: ['root'] }, c => {
    calls.setxattr(c.at('f'), ACCESS, acl(RICH))
    calls.chmod(c.at('f'), 0o640)
    equal(
      shown(c.at('f'), ACCESS),
      `u:rw- ${BOB}:r-- g:--- ${GROUP}:rw- m:r-- o:---`,
      'acl',
    )
    as(carol, () => {
      calls.close(calls.open(c.at('f'), C.O_RDONLY))
      fails('EACCES', () => calls.open(c.at('f'), C.O_RDWR))
    })
    calls.chmod(c.at('f'), 0o600)
    as(bob, () => fails('EACCES', () => calls.open(c.at('f'), C.O_RDONLY)))
    calls.chmod(c.at('f'), 0o660)
    as(carol, () => calls.close(calls.open(c.at('f'), C.O_RDWR)))
  })

  it('chmod of a file with an acl from before', { tree, needs: ['root'] }, c => {
    calls.chmod(c.at('listed'), 0o750)
    equal(
      shown(c.at('listed'), ACCESS),
      `u:rwx ${BOB}:r-- g:--- ${GROUP}:rw- m:r-x o:---`,
      'acl',
    )
    as(carol, () => fails('EACCES', () => calls.open(c.at('listed'), C.O_RDWR)))
  })

  it('one that says no more than the mode is the mode', { tree, needs: ['root'] }, c => {
    calls.setxattr(c.at('f'), ACCESS, acl('u:rw- g:r-- o:r--'))
    equalMode(calls.stat(c.at('f')).mode, 0o644, 'mode')
    fails('ENODATA', () => calls.getxattr(c.at('f'), ACCESS))
  })

  it('removed, the mode stays', { tree, needs: ['root'] }, c => {
    calls.removexattr(c.at('listed'), ACCESS)
    fails('ENODATA', () => calls.getxattr(c.at('listed'), ACCESS))
    equalMode(calls.stat(c.at('listed')).mode, 0o770, 'mode')
    as(bob, () => fails('EACCES', () => calls.open(c.at('listed'), C.O_RDONLY)))
  })

  it('a default acl is inherited by files', { tree, needs: ['root'] }, c => {
    calls.setxattr(c.at('d'), DEFAULT, acl(`u:rwx ${BOB}:rwx g:r-x m:rwx o:r-x`))
    calls.withUmask(0o077, () =>
      calls.close(calls.open(c.at('d', 'n'), C.O_RDWR | C.O_CREAT, 0o666)),
    )
    // The mode asked for, not the umask, limits what is inherited.
    equal(
      shown(c.at('d', 'n'), ACCESS),
      `u:rw- ${BOB}:rwx g:r-x m:rw- o:r--`,
      'acl of the file',
    )
    equalMode(calls.stat(c.at('d', 'n')).mode, 0o664, 'mode of the file')
    fails('ENODATA', () => calls.getxattr(c.at('d', 'n'), DEFAULT))
    fails('ENODATA', () => calls.getxattr(c.at('d', 'old'), ACCESS))
  })

  it(
    'a default acl is inherited by directories, which pass it on',
    { tree, needs: ['root'] },
    c => {
      const text = `u:rwx ${BOB}:rwx g:r-x m:rwx o:--x`
      calls.setxattr(c.at('d'), DEFAULT, acl(text))
      calls.withUmask(0o077, () => calls.mkdir(c.at('d', 'sub'), 0o777))
      equal(shown(c.at('d', 'sub'), DEFAULT), text, 'default acl of the directory')
      equal(shown(c.at('d', 'sub'), ACCESS), text, 'acl of the directory')
      calls.mkdir(c.at('d', 'sub', 'low'), 0o700)
      equal(shown(c.at('d', 'sub', 'low'), DEFAULT), text, 'default acl two levels down')
      equal(
        shown(c.at('d', 'sub', 'low'), ACCESS),
        `u:rwx ${BOB}:rwx g:r-x m:--- o:---`,
        'acl two levels down',
      )
    },
  )

  it(
    'a default acl from before counts for every kind of new file',
    { tree, needs: ['root'] },
    c => {
      const made = `u:rw- ${BOB}:rw- g:r-x m:rw- o:---`
      calls.withUmask(0o022, () => {
        calls.close(calls.open(c.at('dd', 'file'), C.O_RDWR | C.O_CREAT, 0o666))
        calls.mknod(c.at('dd', 'fifo'), C.S_IFIFO | 0o666)
        calls.mknod(c.at('dd', 'node'), C.S_IFREG | 0o666)
        calls.mkdir(c.at('dd', 'dir'), 0o777)
        calls.symlink('x', c.at('dd', 'link'))
      })
      for (const name of ['file', 'fifo', 'node']) {
        equalMode(calls.lstat(c.at('dd', name)).mode, 0o660, `mode of ${name}`)
        equal(shown(c.at('dd', name), ACCESS), made, `acl of ${name}`)
      }
      equalMode(calls.lstat(c.at('dd', 'dir')).mode, 0o770, 'mode of the directory')
      equalMode(calls.lstat(c.at('dd', 'link')).mode, 0o777, 'mode of the link')
      as(bob, () => calls.close(calls.open(c.at('dd', 'file'), C.O_RDWR)))
      as(alice, () => fails('EACCES', () => calls.open(c.at('dd', 'file'), C.O_RDONLY)))
    },
  )

  it(
    'a directory keeps its default acl when files are made in it',
    { tree, needs: ['root'] },
    c => {
      const text = `u:rwx ${BOB}:rw- g:r-x m:rwx o:---`
      equal(shown(c.at('dd'), DEFAULT), text, 'before')
      calls.writeFile(c.at('dd', 'n'), '')
      calls.chmod(c.at('dd'), 0o755)
      equal(shown(c.at('dd'), DEFAULT), text, 'after')
      // Another path to it, where directories of layers cannot be renamed.
      calls.mkdir(c.at('sub'))
      calls.link(c.at('dd', 'n'), c.at('sub', 'n'))
      fails('ENODATA', () => calls.getxattr(c.at('sub'), DEFAULT))
      calls.withUmask(0o077, () => calls.writeFile(c.at('dd', 'm'), ''))
      equalMode(calls.stat(c.at('dd', 'm')).mode, 0o660, 'mode of a file made after it')
    },
  )

  it('O_TMPFILE inherits too', { tree, needs: ['root'] }, c => {
    const fd = calls.open(c.at('dd'), C.O_RDWR | C.O_TMPFILE, 0o666)
    calls.link(`/proc/self/fd/${fd}`, c.at('dd', 'named'), C.AT_SYMLINK_FOLLOW)
    calls.close(fd)
    equal(shown(c.at('dd', 'named'), ACCESS), `u:rw- ${BOB}:rw- g:r-x m:rw- o:---`, 'acl')
  })

  it(
    'a file made in the place of a removed one inherits',
    { tree, needs: ['root'] },
    c => {
      calls.unlink(c.at('dd', 'old'))
      calls.withUmask(0o077, () => calls.writeFile(c.at('dd', 'old'), 'new'))
      equalMode(calls.stat(c.at('dd', 'old')).mode, 0o660, 'mode')
      calls.unlink(c.at('dd', 'old'))
      calls.withUmask(0o077, () => calls.mkdir(c.at('dd', 'old')))
      equalMode(calls.stat(c.at('dd', 'old')).mode, 0o770, 'mode of a directory')
    },
  )

  it('renamed and linked files inherit nothing', { tree, needs: ['root'] }, c => {
    calls.rename(c.at('f'), c.at('dd', 'f'))
    calls.link(c.at('dd', 'f'), c.at('dd', 'g'))
    fails('ENODATA', () => calls.getxattr(c.at('dd', 'f'), ACCESS))
    equalMode(calls.stat(c.at('dd', 'g')).mode, 0o600, 'mode')
  })

  it(
    'an existing file that is changed inherits nothing',
    { tree, needs: ['root'] },
    c => {
      calls.writeFile(c.at('dd', 'old'), 'changed')
      calls.chmod(c.at('dd', 'old'), 0o640)
      fails('ENODATA', () => calls.getxattr(c.at('dd', 'old'), ACCESS))
      equalMode(calls.stat(c.at('dd', 'old')).mode, 0o640, 'mode')
    },
  )

  it('a removed default acl is not inherited', { tree, needs: ['root'] }, c => {
    calls.removexattr(c.at('dd'), DEFAULT)
    fails('ENODATA', () => calls.getxattr(c.at('dd'), DEFAULT))
    calls.withUmask(0o027, () => calls.writeFile(c.at('dd', 'n'), ''))
    equalMode(calls.stat(c.at('dd', 'n')).mode, 0o640, 'mode under the umask')
  })

  it(
    'a default acl gives no rights to the directory itself',
    { tree, needs: ['root'] },
    c => {
      calls.setxattr(c.at('d'), DEFAULT, acl(`u:rwx ${BOB}:rwx g:rwx m:rwx o:rwx`))
      as(bob, () => fails('EACCES', () => calls.names(c.at('d'))))
      calls.setxattr(c.at('d'), ACCESS, acl(`u:rwx ${BOB}:rwx g:--- m:rwx o:---`))
      as(bob, () => {
        equal(calls.names(c.at('d')), ['old'], 'names')
        calls.writeFile(c.at('d', 'bobs'), 'x')
      })
      as(carol, () => fails('EACCES', () => calls.lstat(c.at('d', 'old'))))
    },
  )

  it('setting one keeps or drops setgid by membership', { tree, needs: ['root'] }, c => {
    calls.chown(c.at('f'), alice.uid, 4711)
    calls.chmod(c.at('f'), 0o2770)
    as(alice, () =>
      calls.setxattr(c.at('f'), ACCESS, acl(`u:rwx ${BOB}:r-x g:r-x m:r-x o:---`)),
    )
    equalMode(calls.stat(c.at('f')).mode, 0o750, 'mode in a foreign group')
    calls.chown(c.at('f'), alice.uid, alice.gid)
    calls.chmod(c.at('f'), 0o2770)
    as(alice, () =>
      calls.setxattr(c.at('f'), ACCESS, acl(`u:rwx ${BOB}:r-x g:r-x m:r-x o:---`)),
    )
    equalMode(calls.stat(c.at('f')).mode, 0o2750, 'mode in her own')
  })

  it('only the owner sets one', { tree, needs: ['root'] }, c => {
    calls.chmod(c.at('f'), 0o666)
    as(bob, () => {
      fails('EPERM', () => calls.setxattr(c.at('f'), ACCESS, acl(RICH)))
      fails('EPERM', () => calls.removexattr(c.at('listed'), ACCESS))
    })
    calls.chown(c.at('f'), bob.uid, bob.gid)
    as(bob, () => calls.setxattr(c.at('f'), ACCESS, acl(RICH)))
    equal(shown(c.at('f'), ACCESS), RICH, 'acl')
  })

  it('wrong ones', { tree, needs: ['root'] }, c => {
    fails('EINVAL', () =>
      calls.setxattr(c.at('f'), ACCESS, acl(`u:rwx ${BOB}:r-- g:--- o:---`)),
    )
    fails(['EINVAL', 'EOPNOTSUPP'], () => calls.setxattr(c.at('f'), ACCESS, 'nonsense'))
    fails(['EACCES', 'EINVAL'], () =>
      calls.setxattr(c.at('f'), DEFAULT, acl('u:rwx g:r-x o:r-x')),
    )
    equalMode(calls.stat(c.at('f')).mode, 0o600, 'mode')
  })
})
