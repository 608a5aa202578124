// O_TMPFILE: a file without a name, that linkat may give one later.
import * as calls from '../../helpers/calls.js'
import { C } from '../../helpers/calls.js'
import { dir, file } from '../../helpers/tree.js'
import { alice, as } from '../../helpers/users.js'
import { check, equal, equalMode, fails, property } from '../property.js'

export default property('tmpfile', it => {
  const tree = { d: dir({ existing: file('old') }) }

  it('has no name and can be read and written', { tree }, c => {
    const fd = calls.open(c.at('d'), C.O_RDWR | C.O_TMPFILE)
    equal(calls.fstat(fd).nlink, 0, 'nlink')
    equal(calls.fstat(fd).mode & C.S_IFMT, C.S_IFREG, 'type')
    calls.write(fd, 'data')
    equal(calls.pread(fd, 10, 0).toString(), 'data', 'read back')
    equal(calls.fstat(fd).size, 4, 'size')
    equal(calls.names(c.at('d')), ['existing'], 'names in the directory')
    calls.close(fd)
  })

  it('gets a name by linkat through /proc', { tree }, c => {
    const fd = calls.open(c.at('d'), C.O_WRONLY | C.O_TMPFILE, 0o640)
    calls.write(fd, 'linked')
    calls.link(`/proc/self/fd/${fd}`, c.at('d', 'named'), C.AT_SYMLINK_FOLLOW)
    equal(calls.fstat(fd).nlink, 1, 'nlink')
    equal(calls.fstat(fd).ino, calls.stat(c.at('d', 'named')).ino, 'ino')
    calls.write(fd, '!')
    calls.close(fd)
    equal(calls.readText(c.at('d', 'named')), 'linked!', 'contents')
    equalMode(calls.stat(c.at('d', 'named')).mode, 0o640, 'mode')
    equal(calls.names(c.at('d')), ['existing', 'named'], 'names')
  })

  it('gets two names', { tree }, c => {
    const fd = calls.open(c.at('d'), C.O_RDWR | C.O_TMPFILE)
    calls.link(`/proc/self/fd/${fd}`, c.at('one'), C.AT_SYMLINK_FOLLOW)
    calls.link(c.at('one'), c.at('d', 'two'))
    equal(calls.fstat(fd).nlink, 2, 'nlink')
    calls.write(fd, 'both')
    calls.close(fd)
    equal(calls.readText(c.at('d', 'two')), 'both', 'contents by the second name')
  })

  it('gets a name by AT_EMPTY_PATH', { tree, needs: ['privileged'] }, c => {
    const fd = calls.open(c.dir, C.O_RDWR | C.O_TMPFILE)
    calls.link([fd, ''], c.at('named'), C.AT_EMPTY_PATH)
    calls.write(fd, 'x')
    calls.close(fd)
    equal(calls.readText(c.at('named')), 'x', 'contents')
  })

  it('does not replace an existing name', { tree }, c => {
    const fd = calls.open(c.at('d'), C.O_WRONLY | C.O_TMPFILE)
    fails('EEXIST', () =>
      calls.link(`/proc/self/fd/${fd}`, c.at('d', 'existing'), C.AT_SYMLINK_FOLLOW),
    )
    calls.close(fd)
    equal(calls.readText(c.at('d', 'existing')), 'old', 'contents')
  })

  it('with O_EXCL never gets a name', { tree }, c => {
    const fd = calls.open(c.at('d'), C.O_WRONLY | C.O_TMPFILE | C.O_EXCL)
    fails('ENOENT', () =>
      calls.link(`/proc/self/fd/${fd}`, c.at('d', 'named'), C.AT_SYMLINK_FOLLOW),
    )
    calls.close(fd)
    check(!calls.exists(c.at('d', 'named')), 'no name was made')
  })

  it('gets a name that was just removed', { tree }, c => {
    calls.unlink(c.at('d', 'existing'))
    const fd = calls.open(c.at('d'), C.O_WRONLY | C.O_TMPFILE)
    calls.write(fd, 'again')
    calls.link(`/proc/self/fd/${fd}`, c.at('d', 'existing'), C.AT_SYMLINK_FOLLOW)
    calls.close(fd)
    equal(calls.readText(c.at('d', 'existing')), 'again', 'contents')
  })

  it('takes mode, umask and setgid of the directory', { tree, needs: ['root'] }, c => {
    calls.chown(c.at('d'), 0, 4711)
    calls.chmod(c.at('d'), 0o2755)
    calls.withUmask(0o027, () => {
      calls.withOpen(
        c.at('d'),
        C.O_RDWR | C.O_TMPFILE,
        fd => {
          equalMode(calls.fstat(fd).mode, 0o640, 'mode')
          equal(calls.fstat(fd).gid, 4711, 'gid')
        },
        0o666,
      )
    })
  })

  it('belongs to who made it', { tree, needs: ['root'] }, c => {
    as(alice, () => {
      const fd = calls.open(c.dir, C.O_RDWR | C.O_TMPFILE, 0o600)
      equal([calls.fstat(fd).uid, calls.fstat(fd).gid], [alice.uid, alice.gid], 'owner')
      calls.write(fd, 'mine')
      calls.link(`/proc/self/fd/${fd}`, c.at('mine'), C.AT_SYMLINK_FOLLOW)
      calls.close(fd)
      equal(calls.readText(c.at('mine')), 'mine', 'contents')
      fails('EACCES', () => calls.open(c.at('d'), C.O_RDWR | C.O_TMPFILE))
    })
  })

  it('wants a directory and write access', { tree }, c => {
    fails('ENOTDIR', () => calls.open(c.at('d', 'existing'), C.O_RDWR | C.O_TMPFILE))
    fails('EINVAL', () => calls.open(c.at('d'), C.O_RDONLY | C.O_TMPFILE))
    fails('ENOENT', () => calls.open(c.at('none'), C.O_RDWR | C.O_TMPFILE))
  })

  it('keeps attributes set before it has a name', { tree }, c => {
    const fd = calls.open(c.dir, C.O_RDWR | C.O_TMPFILE, 0o600)
    calls.setxattr([fd, ''], 'user.a', 'b')
    calls.fchmod(fd, 0o444)
    calls.utimens([fd, ''], 5_000_000_001n, 6_000_000_002n, C.AT_EMPTY_PATH)
    calls.ftruncate(fd, 1000)
    calls.link(`/proc/self/fd/${fd}`, c.at('named'), C.AT_SYMLINK_FOLLOW)
    calls.close(fd)
    const stat = calls.stat(c.at('named'))
    equalMode(stat.mode, 0o444, 'mode')
    equal(stat.size, 1000, 'size')
    equal(calls.getxattr(c.at('named'), 'user.a').toString(), 'b', 'attribute')
  })
})
