// Mounts without a place, and how they get one: open_tree(2), fsopen(2), move_mount(2). All need
// the right to mount (CAP_SYS_ADMIN) and Linux 5.12.
import { E } from '../../errno/errno.js'
import { describeErrno } from '../../errno/fs-error.js'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FSCONFIG_CMD_CREATE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MNT_DETACH,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NODIRATIME,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_NOSYMFOLLOW,
  MOUNT_ATTR_RDONLY,
  MOUNT_ATTR_STRICTATIME,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_NOATIME,
  MS_NODEV,
  MS_NODIRATIME,
  MS_NOEXEC,
  MS_NOSUID,
  MS_NOSYMFOLLOW,
  MS_PRIVATE,
  MS_RDONLY,
  MS_STRICTATIME,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  UMOUNT_NOFOLLOW,
} from '../../sys/constants.js'
import { close, pread } from '../../sys/file.js'
import {
  fsconfig,
  fsmount,
  fsopen,
  mount_setattr,
  move_mount,
  open_tree,
  umount2,
} from '../../sys/mount.js'
import { MountError } from '../mount-error.js'
import { MountBusy } from './when-free.js'

/** Parameters of a filesystem: strings, or flags where the value is null. */
export type Parameters = readonly (readonly [key: string, value: string | null])[]

/**
 * A part of a filesystem that is mounted already. What is mounted in it does not show in that mount,
 * where it would be shared, nor the other way round. Throws a MountError.
 */
export function openBind(path: string): number {
  const tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
  if (tree < 0) throw refused(`bind ${path}`, tree)
  const result = mount_setattr(tree, '', AT_EMPTY_PATH, 0, 0, MS_PRIVATE, 0)
  if (result >= 0) return tree
  close(tree)
  throw refused(`bind ${path}`, result)
}

/** A filesystem of its own. Throws a MountError with the kernel's own words where it has some. */
export function openFilesystem(type: string, parameters: Parameters): number {
  const context = fsopen(type, FSOPEN_CLOEXEC)
  if (context === -E.ENODEV)
    throw new MountError(
      `this kernel has no ${type}`,
      `load the module (modprobe ${type}), or use --driver=plyfs`,
    )
  if (context < 0) throw refused(`mount ${type}`, context)
  try {
    for (const [key, value] of parameters) {
      const kind = value === null ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING
      const result = fsconfig(context, kind, key, value, 0)
      if (result < 0) throw refused(`mount ${type} with ${key}`, result, said(context))
    }
    const made = fsconfig(context, FSCONFIG_CMD_CREATE, null, null, 0)
    if (made < 0) throw refused(`mount ${type}`, made, said(context))
    const tree = fsmount(context, FSMOUNT_CLOEXEC, 0)
    if (tree < 0) throw refused(`mount ${type}`, tree, said(context))
    return tree
  } finally {
    close(context)
  }
}

/** Gives a mount its flags (MS_ bits) and its place; the descriptor is closed. */
export function attach(tree: number, mountPoint: string, flags: number): void {
  try {
    setFlags(tree, flags)
    const result = move_mount(tree, '', AT_FDCWD, mountPoint, MOVE_MOUNT_F_EMPTY_PATH)
    if (result < 0) throw refused(`mount on ${mountPoint}`, result)
  } finally {
    close(tree)
  }
}

/** Takes the topmost mount from a path; out of sight at once where it is `lazy`. 0 or -errno. */
export function detach(mountPoint: string, lazy: boolean): number {
  return umount2(mountPoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0))
}

/** Gives a mount its flags (MS_ bits). Throws a MountError. */
export function setFlags(tree: number, flags: number): void {
  const set = ATTRIBUTES.reduce(
    (sum, [flag, attribute]) => ((flags & flag) === 0 ? sum : sum | attribute),
    0,
  )
  const clear = (set & ATIME_CHOICES) === 0 ? 0 : MOUNT_ATTR__ATIME
  if (set === 0) return
  const result = mount_setattr(tree, '', AT_EMPTY_PATH, set, clear, 0, 0)
  if (result < 0) throw refused('set the flags of the mount', result)
}

const ATIME_CHOICES = MOUNT_ATTR_NOATIME | MOUNT_ATTR_STRICTATIME
const ATTRIBUTES: readonly (readonly [number, number])[] = [
  [MS_RDONLY, MOUNT_ATTR_RDONLY],
  [MS_NOSUID, MOUNT_ATTR_NOSUID],
  [MS_NODEV, MOUNT_ATTR_NODEV],
  [MS_NOEXEC, MOUNT_ATTR_NOEXEC],
  [MS_NOATIME, MOUNT_ATTR_NOATIME],
  [MS_STRICTATIME, MOUNT_ATTR_STRICTATIME],
  [MS_NODIRATIME, MOUNT_ATTR_NODIRATIME],
  [MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW],
]

/** What the kernel has written into a context: lines that begin with `e `, `w ` or `i `. */
function said(context: number): string {
  const buffer = Buffer.alloc(4096)
  for (;;) {
    const length = pread(context, buffer, 0, buffer.length, 0)
    if (length <= 0) return ''
    const line = buffer.latin1Slice(0, length).trim()
    if (line.startsWith('e ')) return ` (${line.slice(2)})`
  }
}

function refused(what: string, result: number, more = ''): MountError {
  const Kind = result === -E.EBUSY ? MountBusy : MountError
  return new Kind(
    `cannot ${what}: ${describeErrno(result)}${more}`,
    result === -E.EPERM
      ? 'only root may: use --driver=plyfs, which ordinary users may too'
      : result === -E.ENOSYS
        ? 'use Linux 5.12 or newer, or --driver=plyfs'
        : "look at the kernel's log (dmesg) for the reason, or use --driver=plyfs",
  )
}
