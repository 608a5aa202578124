// What becomes of a filesystem or of a mount, told to somebody who does not keep it from ending.
import { readFileSync } from 'node:fs'
import {
  AT_FDCWD,
  FAN_CLASS_NOTIF,
  FAN_MARK_ADD,
  FAN_MARK_IGNORED_MASK,
  FAN_MARK_MOUNT,
  FAN_OPEN,
  IN_DELETE_SELF,
  O_RDONLY,
} from './constants.js'
import { close } from './file.js'
import { native } from './native.js'

/**
 * A descriptor that can be read (POLLIN) when the filesystem of a descriptor has ended: every
 * watched inode gets IN_UNMOUNT then (fsnotify_unmount_inodes). Or -errno: EMFILE and ENOSPC are the
 * limits of the user (inotify(7)).
 */
export function watchFilesystem(fd: number): number {
  const watch = native.inotify_init1(0)
  if (watch < 0) return watch
  // A root is never deleted: the one event there will be is the end.
  return orClose(
    watch,
    native.inotify_add_watch(watch, `/proc/self/fd/${fd}`, IN_DELETE_SELF),
  )
}

/**
 * A descriptor with a mark on the mount of a descriptor, which goes when the mount does: after the
 * last user of one that was unmounted lazily (cleanup_mnt, __fsnotify_vfsmount_delete). Whether it is
 * there is in its fdinfo; no event is ever queued. Or -errno.
 */
export function markMount(fd: number): number {
  const group = native.fanotify_init(FAN_CLASS_NOTIF, O_RDONLY)
  if (group < 0) return group
  // Events to ignore: a mark has to have some mask.
  const how = FAN_MARK_ADD | FAN_MARK_MOUNT | FAN_MARK_IGNORED_MASK
  const path = `/proc/self/fd/${fd}`
  return orClose(group, native.fanotify_mark(group, how, FAN_OPEN, AT_FDCWD, path))
}

/** Whether what a watch or a mark is on is still there (proc_pid_fdinfo(5)). */
export function isWatching(fd: number): boolean {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1')
  return /^(?:inotify wd|fanotify mnt_id):/m.test(info)
}

function orClose(fd: number, result: number): number {
  if (result >= 0) return fd
  close(fd)
  return result
}
