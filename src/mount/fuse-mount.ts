// Puts a FUSE filesystem on the mount point, and takes it away again. Nothing here serves it: from
// the moment of the mount, touching the mount point waits for whoever holds the descriptor.
import { errnoName, E } from '../errno/errno.js'
import { describeErrno } from '../errno/fs-error.js'
import {
  AT_FDCWD,
  MNT_DETACH,
  MS_REMOUNT,
  O_RDWR,
  UMOUNT_NOFOLLOW,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { mount, umount2 } from '../sys/mount.js'
import { flagsOfWords } from './flag-words.js'
import { mountByFusermount, unmountByFusermount } from './fusermount.js'
import { MountError } from './mount-error.js'
import type { DeviceMount, MountPlan } from './mount-plan.js'
import type { MountRequest } from './mount-request.js'
import { readMountinfo, type MountEntry } from './mountinfo.js'

/**
 * Mounts, and returns the descriptor of /dev/fuse that answers for the mount. On failure nothing
 * is mounted; throws a MountError.
 */
export function mountDevice(plan: MountPlan): number {
  const { device, mountPoint } = plan
  if (!device.privileged) return mountByFusermount(device, mountPoint)
  const fd = openDevice()
  const result = mount(
    device.source,
    mountPoint,
    `fuse.${device.subtype}`,
    device.flags,
    kernelData(device, fd),
  )
  if (result < 0) close(fd)
  // The right may not reach the mount namespace, as in a container's user namespace.
  if (result === -E.EPERM) return mountByFusermount(device, mountPoint)
  if (result < 0) throw mountFailed(mountPoint, result)
  if (device.propagation !== 0) setPropagation(plan, fd)
  return fd
}

function setPropagation(plan: MountPlan, fd: number): void {
  const result = mount('none', plan.mountPoint, '', plan.device.propagation, '')
  if (result === 0) return
  umount2(plan.mountPoint, MNT_DETACH | UMOUNT_NOFOLLOW)
  close(fd)
  throw mountFailed(plan.mountPoint, result)
}

/** A descriptor of /dev/fuse that serves nothing yet. Throws a MountError. */
export function openDevice(): number {
  const fd = openat2(AT_FDCWD, '/dev/fuse', O_RDWR, 0, 0)
  if (fd >= 0) return fd
  throw new MountError(
    `cannot open /dev/fuse: ${describeErrno(fd)}`,
    fd === -E.ENOENT || fd === -E.ENODEV || fd === -E.ENXIO
      ? 'load the module (modprobe fuse), or give the container the device (--device /dev/fuse)'
      : 'give this user access to it',
  )
}

/** fs/fuse/inode.c, fuse_fs_parameters. */
function kernelData(device: DeviceMount, fd: number): string {
  const uid = process.geteuid?.() ?? 0
  const gid = process.getegid?.() ?? 0
  return [
    `fd=${fd},rootmode=40000,user_id=${uid},group_id=${gid},default_permissions`,
    ...(device.allowOther ? ['allow_other'] : []),
    ...(device.maxRead === null ? [] : [`max_read=${device.maxRead}`]),
    ...device.securityContext.map(quoteValue),
  ].join(',')
}

/** Contexts hold commas (selinux_sb_eat_lsm_opts takes the quotes off). */
function quoteValue(option: string): string {
  const equals = option.indexOf('=')
  return `${option.slice(0, equals)}="${option.slice(equals + 1)}"`
}

export function mountFailed(mountPoint: string, result: number): MountError {
  const why = describeErrno(result)
  return new MountError(
    `the kernel refused to mount on ${mountPoint}: ${why}`,
    result === -E.ENODEV
      ? 'use a kernel with FUSE'
      : `look at the kernel's log (dmesg) for the reason`,
  )
}

/**
 * Takes the plan's mount away: 0, or -errno (EBUSY while somebody uses it, unless `lazy`; EINVAL
 * when the topmost mount there is not this one, which then is left alone).
 */
export function unmountDevice(plan: MountPlan, lazy: boolean): number {
  const entry = topmostMount(readMountinfo(), plan.mountPoint)
  const { subtype, source, privileged } = plan.device
  if (entry?.type !== `fuse.${subtype}` || entry.source !== source) return -E.EINVAL
  if (privileged) return unmount(plan.mountPoint, lazy)
  return unmountByFusermount(plan.mountPoint, lazy) === null ? 0 : -E.EBUSY
}

/** umount2(2), or fusermount3 where that is not permitted; 0 or -errno. */
function unmount(mountPoint: string, lazy: boolean): number {
  const result = umount2(mountPoint, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0))
  if (result !== -E.EPERM) return result
  return unmountByFusermount(mountPoint, lazy) === null ? 0 : -E.EBUSY
}

/** The mount that is seen at a path: the last of those on it. */
export function topmostMount(
  entries: readonly MountEntry[],
  mountPoint: string,
): MountEntry | undefined {
  return entries.findLast(entry => entry.mountPoint === mountPoint)
}

/**
 * `mount -o remount,...`: changes what the kernel keeps for us, ro and the other generic flags.
 * Other options cannot be changed while mounted and are ignored, as the kernel's overlayfs does.
 */
export function remount(request: MountRequest, mountPoint: string): void {
  const entry = topmostMount(readMountinfo(), mountPoint)
  if (!entry?.type.startsWith('fuse')) {
    throw new MountError(
      `${mountPoint} is not mounted`,
      'mount it first, without remount',
    )
  }
  const before = flagsOfWords([...entry.options, ...entry.superOptions])
  const flags = (before & ~request.flagsOff) | request.flagsOn
  const result = mount('none', mountPoint, '', MS_REMOUNT | flags, '')
  if (result < 0) {
    throw new MountError(
      `cannot remount ${mountPoint}: ${describeErrno(result)}`,
      errnoName(result) === 'EBUSY'
        ? 'close the files that are open for writing'
        : 'remount as root',
    )
  }
}
