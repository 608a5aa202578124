// Whether what a mount shows lies on disks of this machine. A filesystem that somebody else serves
// (FUSE, a network) may keep a thread waiting for as long as that one likes.
import { filesystemType } from '../layer/filesystem-type.js'
import type { OverlayOptions } from '../overlay/options.js'
import {
  AT_FDCWD,
  BTRFS_SUPER_MAGIC,
  EROFS_SUPER_MAGIC_V1,
  EXT4_SUPER_MAGIC,
  O_PATH,
  SQUASHFS_MAGIC,
  TMPFS_MAGIC,
  XFS_SUPER_MAGIC,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'

const DISKS: ReadonlySet<number> = new Set([
  EXT4_SUPER_MAGIC,
  XFS_SUPER_MAGIC,
  BTRFS_SUPER_MAGIC,
  TMPFS_MAGIC,
  EROFS_SUPER_MAGIC_V1,
  SQUASHFS_MAGIC,
])

/** True where all layers are directories on disks; one that cannot be opened is none. */
export function liesOnDisks({
  lowers,
  dataLowers,
  upper,
  archive,
}: Pick<OverlayOptions, 'lowers' | 'dataLowers' | 'upper' | 'archive'>): boolean {
  if (archive !== null) return false
  const all = [...lowers, ...dataLowers, ...(upper === null ? [] : [upper])]
  return all.every(isOnDisk)
}

function isOnDisk(path: string): boolean {
  const fd = openat2(AT_FDCWD, path, O_PATH, 0, 0)
  if (fd < 0) return false
  const type = filesystemType(fd)
  close(fd)
  return DISKS.has(type)
}
