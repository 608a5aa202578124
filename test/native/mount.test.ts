// The mount calls, old and new, in the mount namespace that this file has for itself.
import * as fs from 'node:fs'
import t from 'tap'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  MNT_DETACH,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR__ATIME,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_BIND,
  MS_NOSUID,
  MS_RDONLY,
  MS_REMOUNT,
  O_CREAT,
  O_RDONLY,
  O_RDWR,
  OPEN_TREE_CLONE,
  UMOUNT_NOFOLLOW,
} from '../../src/sys/constants.js'
import { close, openat2 } from '../../src/sys/file.js'
import * as mount from '../../src/sys/mount.js'
import { isRoot, openDescriptors, outcome, place, succeed } from './place.js'

/** The mountinfo line of a mount point. */
function mounted(point: string): string | undefined {
  const lines = fs.readFileSync('/proc/self/mountinfo', 'latin1').split('\n')
  return lines.findLast(line => line.split(' ')[4] === point)
}

const options = { skip: isRoot() ? false : 'needs root' }

t.test('mount and umount2', options, async t => {
  const { at } = place(t)
  const point = at('mnt')
  fs.mkdirSync(point)
  fs.symlinkSync('mnt', at('symlink'))
  t.teardown(() => mount.umount2(point, MNT_DETACH))
  t.equal(mount.mount('none', point, 'tmpfs', MS_NOSUID, 'mode=750,size=64k'), 0)
  t.match(mounted(point), /nosuid.* - tmpfs none rw.*size=64k.*mode=750/)
  t.equal(mount.mount('', point, '', MS_REMOUNT | MS_BIND | MS_RDONLY, ''), 0)
  t.match(mounted(point), / ro,/)
  t.equal(outcome(mount.umount2(at('symlink'), UMOUNT_NOFOLLOW)), 'EINVAL')
  t.equal(mount.umount2(point, UMOUNT_NOFOLLOW), 0)
  t.equal(mounted(point), undefined)
  t.equal(outcome(mount.umount2(point, 0)), 'EINVAL')
  t.equal(outcome(mount.mount('none', at('gone'), 'tmpfs', 0, '')), 'ENOENT')
  t.equal(outcome(mount.mount('none', point, 'nonsense', 0, '')), 'ENODEV')
  const longest = 'x'.repeat(4095)
  t.equal(outcome(mount.mount('none', point, 'tmpfs', 0, longest)), 'EINVAL')
  t.equal(outcome(mount.mount('none', point, 'tmpfs', 0, longest + 'x')), 'E2BIG')
})

t.test('a private, detached, read-only clone', options, async t => {
  const { fd, at } = place(t)
  fs.writeFileSync(at('file'), 'data')
  const before = openDescriptors()
  const clone = mount.open_tree(fd, '', OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE)
  t.ok(clone > 2)
  const set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODEV
  const flags = AT_EMPTY_PATH | AT_RECURSIVE
  t.equal(mount.mount_setattr(clone, '', flags, set, MOUNT_ATTR__ATIME, 0, 0), 0)
  t.equal(outcome(openat2(clone, 'file', O_RDWR, 0, 0)), 'EROFS')
  t.equal(outcome(openat2(clone, 'new', O_RDWR | O_CREAT, 0o600, 0)), 'EROFS')
  const file = succeed(openat2(clone, 'file', O_RDONLY, 0, 0))
  close(file)
  t.equal(outcome(mount.mount_setattr(clone, '', flags, 2 ** 40, 0, 0, 0)), 'EINVAL')
  fs.mkdirSync(at('mnt'))
  t.equal(mount.move_mount(clone, '', AT_FDCWD, at('mnt'), MOVE_MOUNT_F_EMPTY_PATH), 0)
  t.match(mounted(at('mnt')), / ro,nodev,noatime/)
  close(clone)
  t.equal(mount.umount2(at('mnt'), MNT_DETACH), 0)
  t.strictSame(openDescriptors(), before)
  t.equal(outcome(mount.open_tree(fd, 'gone', 0)), 'ENOENT')
  t.equal(outcome(mount.move_mount(fd, 'gone', fd, 'mnt', 0)), 'ENOENT')
})

t.test('a filesystem by steps', options, async t => {
  const { fd, at } = place(t)
  fs.mkdirSync(at('mnt'))
  const before = openDescriptors()
  const context = mount.fsopen('tmpfs', 0)
  t.ok(context > 2)
  const set = (key: string, value: string): number =>
    mount.fsconfig(context, FSCONFIG_SET_STRING, key, value, 0)
  t.equal(set('source', 'somewhere'), 0)
  t.equal(set('size', '64k'), 0)
  t.equal(outcome(set('nonsense', '1')), 'EINVAL')
  t.equal(mount.fsconfig(context, FSCONFIG_SET_FLAG, 'ro', null, 0), 0)
  t.equal(mount.fsconfig(context, FSCONFIG_CMD_CREATE, null, null, 0), 0)
  const made = mount.fsmount(context, 0, MOUNT_ATTR_NODEV)
  t.ok(made > 2)
  t.equal(mount.move_mount(made, '', fd, 'mnt', MOVE_MOUNT_F_EMPTY_PATH), 0)
  t.match(mounted(at('mnt')), /nodev.* - tmpfs somewhere ro/)
  close(made)
  close(context)
  t.equal(mount.umount2(at('mnt'), 0), 0)
  t.strictSame(openDescriptors(), before)
  t.equal(outcome(mount.fsopen('nonsense', 0)), 'ENODEV')
  t.equal(outcome(mount.fsmount(fd, 0, 0)), 'EINVAL')
})
