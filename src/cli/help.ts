// The help texts of the forms that mount. Verbs have theirs from commander.

/** Shared by all forms. */
const LAYERS = `  lowerdir=A:B::D         lower directories, topmost first; after :: data-only ones
  lowerdir+=A datadir+=D  one more of them each (colons need no escape)
  upperdir=U workdir=W    the writable layer, and a directory beside it for its work
  format=kernel|fuse-overlayfs|aufs, userxattr
                          how whiteouts and the like are spelt on disk`

const KERNEL = `  redirect_dir=on|follow|nofollow|off  index=on|off  metacopy=on|off  xino=on|off|auto
  uuid=on|auto|null|off  nfs_export=off  verity=off
  fsync=auto|strict|volatile|0|1  volatile`

const SHOWN = `  uidmapping=DISK:SHOWN:COUNT[:...]  gidmapping=...  squash_to_root
  squash_to_uid=N  squash_to_gid=N  xattr_permissions=0|1|2  noacl  noxattrs
  static_nlink=on|off  ino32_t`

const GENERAL = `  timeout=SECONDS         for layers that are changed below the mount; 0 trusts nothing
  passthrough=on|off|programs  max_stack_depth=1|2  proto_minor=N  max_read=N  max_write=N
  no_open=on              without an upper: the kernel opens files unasked, and keeps
                          their contents for this mount alone
  transport=device|fuse-native
  allow_other  fsname=NAME  subtype=NAME  context=CONTEXT  debug
  ro nodev nosuid noexec noatime relatime strictatime sync dirsync remount ... as in mount(8)`

export const MOUNT_HELP = `Usage: plyfs mount [-f] [-d] -o OPTIONS [SOURCE] DIR
       plyfs mount [-f] [-d] [--rw[=NAME]] [--verify=MODE] [--driver=NAME] [--root DIR]
                   [-o OPTIONS] IMAGE|ARCHIVE DIR

Mounts the union of directories, an image of the store, or one in an archive
(docker-archive:FILE[:REF], oci:DIR[:REF], oci-archive:FILE[:REF], or a path) on DIR, and returns
when it serves.

  -o OPTIONS   options, comma-separated; may be repeated
  -f           stay in the foreground
  -d           the same, and log every request
  -h, --help   this text
  --rw=NAME    with a writable layer that is kept by name; --rw: one that goes with the mount
  --verify=quick|full|none
               compare names and attributes of the layers' entries with what was unpacked
               (default), contents too, or nothing; what differs is named and not mounted
  --driver=plyfs|overlay2|aufs|vfs|btrfs|block
               what shows the image: plyfs (default), the kernel's overlayfs, plyfs with the
               spellings of AUFS, a plain copy, snapshots (a store on btrfs), or filesystem images
               on loop devices (a store with reflinks; also called devicemapper)
  --root DIR   the store
  --transport=device|fuse-native
               who speaks with the kernel: plyfs itself (default), or libfuse 2 by the npm package
               fuse-native, which can do less and is slower (docs/fuse-native.md)
  --no-daemon  in a process of its own, also where a daemon runs

Options (those of kernel overlayfs and of fuse-overlayfs, with the same meaning):
${LAYERS}
${KERNEL}
${SHOWN}
${GENERAL}`

/** @param program the name the command was called by. */
export function dropInHelp(program: string): string {
  return `Usage: ${program} [-f] [-d] -o OPTIONS DIR

Mounts the union of directories on DIR and returns when it serves.

  -o OPTIONS      options, comma-separated; may be repeated
  -f              stay in the foreground
  -d, --debug     the same, and log every request
  -h, --help      this text
  -V, --version   the version

Options (defaults as fuse-overlayfs has them; see 'plyfs help mount' for the others):
${LAYERS}
${KERNEL}
${SHOWN}
${GENERAL}`
}
