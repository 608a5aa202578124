// Set-id bits and file capabilities go when an ordinary user writes, truncates or allocates, and
// stay for root: file_remove_privs, setattr_prepare. In every data mode the same.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { file, type Tree } from '../../helpers/tree.js'
import { alice, as } from '../../helpers/users.js'
import { equal, equalMode, fails, property, type Context } from '../property.js'

const tree: Tree = {
  f: file('program text', { mode: 0o6777 }),
  o: file('source of copies', { mode: 0o666 }),
}

/** security.capability, version 2: cap_net_raw, effective. */
const CAPABILITY = Buffer.from('0100000200200000000000000000000000000000', 'hex')

/** What changes a file's data, through a descriptor or by name. */
const CHANGES: readonly (readonly [string, (c: Context) => void])[] = [
  ['write', c => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'x'))],
  [
    'pwrite far beyond',
    c => calls.withOpen(c.at('f'), C.O_RDWR, fd => calls.pwrite(fd, 'x', 9999)),
  ],
  [
    'append',
    c => calls.withOpen(c.at('f'), C.O_WRONLY | C.O_APPEND, fd => calls.write(fd, 'x')),
  ],
  ['O_TRUNC', c => calls.close(calls.open(c.at('f'), C.O_WRONLY | C.O_TRUNC))],
  ['ftruncate', c => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.ftruncate(fd, 3))],
  [
    'ftruncate that grows',
    c => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.ftruncate(fd, 5000)),
  ],
  [
    'fallocate',
    c => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.fallocate(fd, 0, 0, 8192)),
  ],
  [
    'punch hole',
    c =>
      calls.withOpen(c.at('f'), C.O_WRONLY, fd =>
        calls.fallocate(fd, C.FALLOC_FL_PUNCH_HOLE | C.FALLOC_FL_KEEP_SIZE, 0, 4),
      ),
  ],
  [
    'copy_file_range',
    c =>
      calls.withOpen(c.at('o'), C.O_RDONLY, from =>
        calls.withOpen(c.at('f'), C.O_WRONLY, to =>
          calls.copyFileRange(from, 0, to, 0, 4),
        ),
      ),
  ],
]

export default property('set-id', it => {
  for (const [how, change] of CHANGES) {
    it(`${how} by a user clears them`, { tree, needs: ['root'] }, c => {
      as(alice, () => change(c))
      equalMode(calls.stat(c.at('f')).mode, 0o777, 'mode')
    })
  }

  it(
    'without group execute setgid stays for members only',
    { tree, needs: ['root'] },
    c => {
      // setattr_should_drop_sgid: the bit goes as well when the writer is not in the group.
      calls.chmod(c.at('f'), 0o6767)
      as(alice, () => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'x')))
      equalMode(calls.stat(c.at('f')).mode, 0o767, 'mode after a non-member wrote')
      calls.chown(c.at('f'), 0, alice.gid)
      calls.chmod(c.at('f'), 0o6767)
      as(alice, () => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'x')))
      equalMode(calls.stat(c.at('f')).mode, 0o2767, 'mode after a member wrote')
    },
  )

  // capable(CAP_FSETID) asks for the right over the whole machine.
  it('root keeps them when it writes', { tree, needs: ['privileged'] }, c => {
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => {
      calls.write(fd, 'x')
      calls.ftruncate(fd, 5)
    })
    equalMode(calls.stat(c.at('f')).mode, 0o6777, 'mode')
  })

  it('reading and failing writes clear nothing', { tree, needs: ['root'] }, c => {
    calls.chmod(c.at('f'), 0o6755)
    as(alice, () => {
      calls.readText(c.at('f'))
      fails('EACCES', () => calls.open(c.at('f'), C.O_WRONLY))
      fails('EACCES', () => calls.open(c.at('f'), C.O_WRONLY | C.O_TRUNC))
    })
    equalMode(calls.stat(c.at('f')).mode, 0o6755, 'mode')
    equal(calls.readText(c.at('f')), 'program text', 'contents')
  })

  it('a second write after they were set again', { tree, needs: ['root'] }, c => {
    as(alice, () => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'x')))
    calls.chmod(c.at('f'), 0o6777)
    as(alice, () => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'y')))
    equalMode(calls.stat(c.at('f')).mode, 0o777, 'mode')
  })

  it('set while the file is open for writing', { tree, needs: ['root'] }, async c => {
    const user = await c.agent(alice)
    const fd = await user.call('open', c.at('f'), C.O_WRONLY)
    await user.call('write', fd, 'one')
    calls.chmod(c.at('f'), 0o6777)
    await user.call('write', fd, 'two')
    equalMode(calls.stat(c.at('f')).mode, 0o777, 'mode')
  })

  it('a shared mapping of a user', { tree, needs: ['root'] }, async c => {
    const user = await c.agent(alice)
    const fd = await user.call('open', c.at('f'), C.O_RDWR)
    const map = await user.call('mmap', fd, 4096, 3, 1, 0)
    await user.call('poke', map, 0, 'mapped')
    await user.call('msync', map, 4)
    await user.call('munmap', map)
    equal(calls.readText(c.at('f')), 'mapped'.concat('m text'), 'contents')
    // file_update_time in page_mkwrite strips nothing: as on a disk filesystem, the bits may stay.
    const mode = calls.stat(c.at('f')).mode & 0o7777
    equal(
      [0o777, 0o6777].includes(mode),
      true,
      'a mode that a disk filesystem could have',
    )
  })

  it('truncate(2) by a user clears them', { tree, needs: ['root'] }, async c => {
    const user = await c.agent(alice)
    await user.call('truncate', c.at('f'), 3)
    equalMode(calls.stat(c.at('f')).mode, 0o777, 'mode')
    equal(calls.readText(c.at('f')), 'pro', 'contents')
  })

  it('capabilities go when a user writes', { tree, needs: ['privileged'] }, c => {
    calls.setxattr(c.at('f'), 'security.capability', CAPABILITY)
    equal(calls.getxattr(c.at('f'), 'security.capability'), CAPABILITY, 'as set')
    as(alice, () => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'x')))
    fails('ENODATA', () => calls.getxattr(c.at('f'), 'security.capability'))
    equalMode(calls.stat(c.at('f')).mode, 0o777, 'mode')
  })

  it('capabilities go even when root writes', { tree, needs: ['privileged'] }, c => {
    calls.setxattr(c.at('f'), 'security.capability', CAPABILITY)
    calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.write(fd, 'x'))
    fails('ENODATA', () => calls.getxattr(c.at('f'), 'security.capability'))
  })

  it('capabilities go with truncate and chown', { tree, needs: ['privileged'] }, c => {
    const changes = [
      () => calls.close(calls.open(c.at('f'), C.O_WRONLY | C.O_TRUNC)),
      () => calls.withOpen(c.at('f'), C.O_WRONLY, fd => calls.ftruncate(fd, 100)),
      () => calls.chown(c.at('f'), 5, 5),
    ]
    for (const change of changes) {
      calls.setxattr(c.at('f'), 'security.capability', CAPABILITY)
      change()
      fails('ENODATA', () => calls.getxattr(c.at('f'), 'security.capability'))
    }
  })

  it(
    'capabilities are kept by everything else',
    {
      tree: { f: file('x', { mode: 0o755 }) },
      needs: ['privileged'],
    },
    c => {
      calls.setxattr(c.at('f'), 'security.capability', CAPABILITY)
      calls.chmod(c.at('f'), 0o711)
      calls.utimens(c.at('f'), 1n, 2n)
      calls.setxattr(c.at('f'), 'user.a', 'b')
      calls.link(c.at('f'), c.at('g'))
      calls.rename(c.at('f'), c.at('h'))
      equal(calls.getxattr(c.at('h'), 'security.capability'), CAPABILITY, 'capability')
    },
  )

  it(
    'capabilities of a lower file survive a change of attributes',
    {
      tree: {
        f: file('x', {
          mode: 0o755,
          xattrs: { 'security.capability': CAPABILITY.toString('latin1') },
        }),
      },
      needs: ['privileged'],
    },
    c => {
      calls.chmod(c.at('f'), 0o711)
      equal(calls.getxattr(c.at('f'), 'security.capability'), CAPABILITY, 'capability')
    },
  )
})
