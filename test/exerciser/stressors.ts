// The filesystem class of stress-ng (0.15): which stressors run on a mount, and which do not and
// why. A test compares both lists with what the installed program names.

export const STRESSORS: readonly string[] = `
  access chattr chdir chmod chown copy-file dentry dir dirdeep dirmany dnotify fallocate fanotify
  fcntl file-ioctl filename flock fpunch fsize fstat getdent handle hdd inode-flags inotify io
  iomix lease link locka lockf lockofd mknod open rename symlink sync-file touch utime xattr
`
  .trim()
  .split(/\s+/)

export const LEFT_OUT: Readonly<Record<string, string>> = {
  'bind-mount':
    'It mounts the root directory over and over in a user namespace of its own.',
  binderfs: 'It mounts binderfs; no file of the mount is used.',
  dup: 'It duplicates descriptors of /dev/zero and of pipes.',
  eventfd: 'It works on event descriptors.',
  fiemap: 'FUSE does not pass FIEMAP on; the stressor says so and ends.',
  ioprio: 'It sets the priority of I/O; what it writes is what hdd and iomix write.',
  procfs: 'It reads /proc.',
  verity: 'fs-verity belongs to the filesystem below; overlayfs and FUSE answer ENOTTY.',
}
