// What a new file gets: mode under the umask, owner and group, setgid inheritance. With default
// ACLs see acl.ts.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { TEAM, alice, as, bob } from '../../helpers/users.js'
import { equal, equalMode, fails, property } from '../property.js'

const MODES = [
  0o777, 0o666, 0o644, 0o600, 0o444, 0o222, 0o111, 0o000, 0o1777, 0o4755, 0o2755,
]
const UMASKS = [0o000, 0o022, 0o027, 0o077, 0o777, 0o111]

/** Every way to make a file that takes a mode. */
const MAKERS: readonly (readonly [string, (path: string, mode: number) => void])[] = [
  ['open', (path, mode) => calls.close(calls.open(path, C.O_RDWR | C.O_CREAT, mode))],
  ['mknod', (path, mode) => calls.mknod(path, C.S_IFREG | mode)],
  ['mkfifo', (path, mode) => calls.mknod(path, C.S_IFIFO | mode)],
  ['socket', (path, mode) => calls.mknod(path, C.S_IFSOCK | mode)],
]

export default property('create', it => {
  for (const [how, make] of MAKERS) {
    it(`${how} takes the mode under the umask`, {}, c => {
      for (const mask of UMASKS) {
        for (const mode of MODES) {
          const path = c.at(`${mode.toString(8)}-${mask.toString(8)}`)
          calls.withUmask(mask, () => make(path, mode))
          equalMode(calls.lstat(path).mode, mode & ~mask, `${how} ${path}`)
        }
      }
    })
  }

  it('mkdir takes the mode under the umask', {}, c => {
    for (const mask of UMASKS) {
      for (const mode of MODES) {
        const path = c.at(`${mode.toString(8)}-${mask.toString(8)}`)
        calls.withUmask(mask, () => calls.mkdir(path, mode))
        // mkdir(2) takes the sticky bit, and ignores set-id bits.
        equalMode(calls.lstat(path).mode, mode & 0o1777 & ~mask, `mkdir ${path}`)
      }
    }
  })

  it('a symbolic link is 0777 whatever the umask', {}, c => {
    calls.withUmask(0o777, () => calls.symlink('x', c.at('l')))
    equalMode(calls.lstat(c.at('l')).mode, 0o777, 'mode')
  })

  it('a descriptor may do what the mode forbids', {}, c => {
    for (const mode of [0, 0o200, 0o400, 0o444]) {
      const path = c.at(`f${mode.toString(8)}`)
      const fd = calls.open(path, C.O_RDWR | C.O_CREAT | C.O_EXCL, mode)
      calls.write(fd, 'written')
      equal(calls.pread(fd, 10, 0).toString(), 'written', 'read back')
      calls.ftruncate(fd, 5)
      calls.fallocate(fd, 0, 0, 10)
      calls.fsync(fd)
      calls.lseek(fd, 0, C.SEEK_SET)
      equal(calls.read(fd, 20).toString(), 'writt\0\0\0\0\0', 'read once more')
      equal(calls.fstat(fd).size, 10, 'size')
      calls.close(fd)
      equalMode(calls.stat(path).mode, mode, 'mode')
    }
  })

  it('a descriptor goes on when the mode is taken away', {}, c => {
    const fd = calls.open(c.at('f'), C.O_RDWR | C.O_CREAT, 0o644)
    const other = calls.open(c.at('f'), C.O_RDONLY)
    calls.fchmod(fd, 0)
    calls.write(fd, 'written')
    calls.ftruncate(fd, 4)
    calls.utimens([fd, ''], 1_000_000_000n, 2_000_000_000n, C.AT_EMPTY_PATH)
    equal(calls.pread(other, 10, 0).toString(), 'writ', 'by the older descriptor')
    calls.link(c.at('f'), c.at('g'))
    calls.rename(c.at('f'), c.at('h'))
    equal(calls.fstat(fd).nlink, 2, 'nlink')
    calls.unlink(c.at('g'))
    calls.chmod(c.at('h'), 0o600)
    equal(calls.readText(c.at('h')), 'writ', 'contents')
    calls.close(fd)
    calls.close(other)
  })

  it('mode 0 by an ordinary user', { needs: ['root'] }, c => {
    as(alice, () => {
      const fd = calls.open(c.at('f'), C.O_RDWR | C.O_CREAT | C.O_EXCL, 0)
      calls.write(fd, 'written')
      equal(calls.pread(fd, 10, 0).toString(), 'written', 'read back')
      calls.close(fd)
      fails('EACCES', () => calls.open(c.at('f'), C.O_RDONLY))
    })
    equalMode(calls.stat(c.at('f')).mode, 0, 'mode')
    equal(calls.readText(c.at('f')), 'written', 'contents')
  })

  it('belongs to who made it', { needs: ['root'] }, c => {
    as(alice, () => {
      for (const [how, make] of MAKERS) make(c.at(how), 0o644)
      calls.mkdir(c.at('mkdir'))
      calls.symlink('x', c.at('symlink'))
    })
    for (const name of [...MAKERS.map(([how]) => how), 'mkdir', 'symlink']) {
      const stat = calls.lstat(c.at(name))
      equal([stat.uid, stat.gid], [alice.uid, alice.gid], `owner of ${name}`)
    }
  })

  it('takes the group of a setgid directory', { needs: ['root'] }, c => {
    calls.mkdir(c.at('d'))
    calls.chown(c.at('d'), 0, 4711)
    calls.chmod(c.at('d'), 0o2777)
    as(alice, () => {
      for (const [how, make] of MAKERS) make(c.at('d', how), 0o644)
      calls.mkdir(c.at('d', 'mkdir'))
      calls.symlink('x', c.at('d', 'symlink'))
    })
    for (const name of [...MAKERS.map(([how]) => how), 'mkdir', 'symlink']) {
      const stat = calls.lstat(c.at('d', name))
      equal([stat.uid, stat.gid], [alice.uid, 4711], `owner of ${name}`)
    }
    equalMode(calls.stat(c.at('d', 'open')).mode, 0o644, 'mode of a file')
    equalMode(calls.stat(c.at('d', 'mkdir')).mode, 0o2755, 'mode of a directory')
  })

  it('setgid directories below setgid directories', { needs: ['root'] }, c => {
    calls.mkdir(c.at('d'))
    calls.chown(c.at('d'), 0, TEAM)
    calls.chmod(c.at('d'), 0o2775)
    as(alice, () => {
      calls.mkdir(c.at('d', 'e'))
      calls.mkdir(c.at('d', 'e', 'f'))
      calls.writeFile(c.at('d', 'e', 'f', 'g'), 'x')
    })
    equal(calls.stat(c.at('d', 'e', 'f')).gid, TEAM, 'gid two levels down')
    equalMode(calls.stat(c.at('d', 'e', 'f')).mode, 0o2755, 'mode two levels down')
    equal(calls.stat(c.at('d', 'e', 'f', 'g')).gid, TEAM, 'gid of the file')
  })

  it(
    "setgid on a file goes when its group is not the maker's",
    { needs: ['root'] },
    c => {
      calls.mkdir(c.at('d'))
      calls.chown(c.at('d'), 0, TEAM)
      calls.chmod(c.at('d'), 0o2777)
      // mode_strip_sgid: group execute and setgid, in a setgid directory of a foreign group.
      as(bob, () =>
        calls.close(calls.open(c.at('d', 'bob'), C.O_RDWR | C.O_CREAT, 0o2755)),
      )
      as(alice, () =>
        calls.close(calls.open(c.at('d', 'alice'), C.O_RDWR | C.O_CREAT, 0o2755)),
      )
      as(bob, () =>
        calls.close(calls.open(c.at('d', 'lock'), C.O_RDWR | C.O_CREAT, 0o2745)),
      )
      equalMode(calls.stat(c.at('d', 'bob')).mode, 0o755, "mode of a non-member's")
      equalMode(calls.stat(c.at('d', 'alice')).mode, 0o2755, "mode of a member's")
      equalMode(calls.stat(c.at('d', 'lock')).mode, 0o2745, 'mode without group execute')
    },
  )

  it("setuid and setgid on a file of one's own", { needs: ['root'] }, c => {
    as(alice, () =>
      calls.withUmask(0, () =>
        calls.close(calls.open(c.at('f'), C.O_RDWR | C.O_CREAT, 0o6755)),
      ),
    )
    equalMode(calls.stat(c.at('f')).mode, 0o6755, 'mode')
  })

  it('an existing file keeps its mode and owner', { needs: ['root'] }, c => {
    calls.writeFile(c.at('f'), 'x')
    calls.chmod(c.at('f'), 0o666)
    as(alice, () => {
      calls.withUmask(0o077, () => {
        const fd = calls.open(c.at('f'), C.O_RDWR | C.O_CREAT | C.O_TRUNC, 0o600)
        calls.close(fd)
      })
    })
    const stat = calls.stat(c.at('f'))
    equalMode(stat.mode, 0o666, 'mode')
    equal([stat.uid, stat.gid], [0, 0], 'owner')
  })
})
