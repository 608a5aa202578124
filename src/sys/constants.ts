// Numbers of the Linux system-call interface, by the kernel's names. Plain numbers, nothing
// computed at run time but the open flags that differ between x86-64 and aarch64.

const ARM64 = process.arch === 'arm64'

// ---- open flags: asm-generic/fcntl.h; arch/arm64/include/uapi/asm/fcntl.h moves four of them --
export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_ACCMODE = 3
export const O_CREAT = 0o100
export const O_EXCL = 0o200
export const O_NOCTTY = 0o400
export const O_TRUNC = 0o1000
export const O_APPEND = 0o2000
export const O_NONBLOCK = 0o4000
export const O_DSYNC = 0o10000
export const FASYNC = 0o20000
export const O_DIRECT = ARM64 ? 0o200000 : 0o40000
export const O_LARGEFILE = ARM64 ? 0o400000 : 0o100000
export const O_DIRECTORY = ARM64 ? 0o40000 : 0o200000
export const O_NOFOLLOW = ARM64 ? 0o100000 : 0o400000
export const O_NOATIME = 0o1000000
export const O_CLOEXEC = 0o2000000
export const O_SYNC = 0o4000000 | O_DSYNC
export const O_PATH = 0o10000000
export const O_TMPFILE = 0o20000000 | O_DIRECTORY
/** The kernel's own mark on an exec's open (include/linux/fs.h), as FUSE_OPEN shows it. */
export const FMODE_EXEC = 0x20

// ---- descriptor-relative calls: linux/fcntl.h -------------------------------------------------
export const AT_FDCWD = -100
export const AT_SYMLINK_NOFOLLOW = 0x100
export const AT_REMOVEDIR = 0x200
export const AT_EACCESS = 0x200
export const AT_HANDLE_FID = 0x200
export const AT_HANDLE_MNT_ID_UNIQUE = 0x1
export const AT_SYMLINK_FOLLOW = 0x400
export const AT_NO_AUTOMOUNT = 0x800
export const AT_EMPTY_PATH = 0x1000
export const AT_STATX_SYNC_AS_STAT = 0
export const AT_STATX_FORCE_SYNC = 0x2000
export const AT_STATX_DONT_SYNC = 0x4000
export const AT_RECURSIVE = 0x8000

// ---- modes: linux/stat.h ----------------------------------------------------------------------
export const S_IFMT = 0o170000
export const S_IFSOCK = 0o140000
export const S_IFLNK = 0o120000
export const S_IFREG = 0o100000
export const S_IFBLK = 0o60000
export const S_IFDIR = 0o40000
export const S_IFCHR = 0o20000
export const S_IFIFO = 0o10000
export const S_ISUID = 0o4000
export const S_ISGID = 0o2000
export const S_ISVTX = 0o1000
export const S_IRWXU = 0o700
export const S_IRUSR = 0o400
export const S_IWUSR = 0o200
export const S_IXUSR = 0o100
export const S_IRWXG = 0o70
export const S_IRGRP = 0o40
export const S_IWGRP = 0o20
export const S_IXGRP = 0o10
export const S_IRWXO = 0o7
export const S_IROTH = 0o4
export const S_IWOTH = 0o2
export const S_IXOTH = 0o1
export const S_IALLUGO = 0o7777

// ---- statx: linux/stat.h ----------------------------------------------------------------------
export const STATX_TYPE = 0x1
export const STATX_MODE = 0x2
export const STATX_NLINK = 0x4
export const STATX_UID = 0x8
export const STATX_GID = 0x10
export const STATX_ATIME = 0x20
export const STATX_MTIME = 0x40
export const STATX_CTIME = 0x80
export const STATX_INO = 0x100
export const STATX_SIZE = 0x200
export const STATX_BLOCKS = 0x400
export const STATX_BASIC_STATS = 0x7ff
export const STATX_BTIME = 0x800
export const STATX_MNT_ID = 0x1000
export const STATX_DIOALIGN = 0x2000
export const STATX_MNT_ID_UNIQUE = 0x4000
export const STATX_ATTR_COMPRESSED = 0x4
export const STATX_ATTR_IMMUTABLE = 0x10
export const STATX_ATTR_APPEND = 0x20
export const STATX_ATTR_NODUMP = 0x40
export const STATX_ATTR_ENCRYPTED = 0x800
export const STATX_ATTR_AUTOMOUNT = 0x1000
export const STATX_ATTR_MOUNT_ROOT = 0x2000
export const STATX_ATTR_VERITY = 0x100000
export const STATX_ATTR_DAX = 0x200000

/** Special nanoseconds of utimensat(2). */
export const UTIME_NOW = 0x3fffffff
export const UTIME_OMIT = 0x3ffffffe

// ---- directory entries: fs_types.h ------------------------------------------------------------
export const DT_UNKNOWN = 0
export const DT_FIFO = 1
export const DT_CHR = 2
export const DT_DIR = 4
export const DT_BLK = 6
export const DT_REG = 8
export const DT_LNK = 10
export const DT_SOCK = 12

// ---- rename, fallocate, seek, sync, lock ------------------------------------------------------
export const RENAME_NOREPLACE = 1
export const RENAME_EXCHANGE = 2
export const RENAME_WHITEOUT = 4

export const FALLOC_FL_KEEP_SIZE = 0x1
export const FALLOC_FL_PUNCH_HOLE = 0x2
export const FALLOC_FL_NO_HIDE_STALE = 0x4
export const FALLOC_FL_COLLAPSE_RANGE = 0x8
export const FALLOC_FL_ZERO_RANGE = 0x10
export const FALLOC_FL_INSERT_RANGE = 0x20
export const FALLOC_FL_UNSHARE_RANGE = 0x40

export const SEEK_SET = 0
export const SEEK_CUR = 1
export const SEEK_END = 2
export const SEEK_DATA = 3
export const SEEK_HOLE = 4

export const SYNC_FILE_RANGE_WAIT_BEFORE = 1
export const SYNC_FILE_RANGE_WRITE = 2
export const SYNC_FILE_RANGE_WAIT_AFTER = 4

export const LOCK_SH = 1
export const LOCK_EX = 2
export const LOCK_NB = 4
export const LOCK_UN = 8

export const XATTR_CREATE = 1
export const XATTR_REPLACE = 2
/** linux/limits.h */
export const XATTR_NAME_MAX = 255
export const XATTR_SIZE_MAX = 65536
export const XATTR_LIST_MAX = 65536
export const NAME_MAX = 255
export const PATH_MAX = 4096

/** openat2(2): linux/openat2.h */
export const RESOLVE_NO_XDEV = 0x1
export const RESOLVE_NO_MAGICLINKS = 0x2
export const RESOLVE_NO_SYMLINKS = 0x4
export const RESOLVE_BENEATH = 0x8
export const RESOLVE_IN_ROOT = 0x10
export const RESOLVE_CACHED = 0x20

// ---- mount(2): linux/mount.h ------------------------------------------------------------------
export const MS_RDONLY = 0x1
export const MS_NOSUID = 0x2
export const MS_NODEV = 0x4
export const MS_NOEXEC = 0x8
export const MS_SYNCHRONOUS = 0x10
export const MS_REMOUNT = 0x20
export const MS_MANDLOCK = 0x40
export const MS_DIRSYNC = 0x80
export const MS_NOSYMFOLLOW = 0x100
export const MS_NOATIME = 0x400
export const MS_NODIRATIME = 0x800
export const MS_BIND = 0x1000
export const MS_MOVE = 0x2000
export const MS_REC = 0x4000
export const MS_SILENT = 0x8000
export const MS_POSIXACL = 0x10000
export const MS_UNBINDABLE = 0x20000
export const MS_PRIVATE = 0x40000
export const MS_SLAVE = 0x80000
export const MS_SHARED = 0x100000
export const MS_RELATIME = 0x200000
export const MS_I_VERSION = 0x800000
export const MS_STRICTATIME = 0x1000000
export const MS_LAZYTIME = 0x2000000

export const MNT_FORCE = 1
export const MNT_DETACH = 2
export const MNT_EXPIRE = 4
export const UMOUNT_NOFOLLOW = 8

// ---- the newer mount calls: linux/mount.h -----------------------------------------------------
export const OPEN_TREE_CLONE = 1
export const OPEN_TREE_CLOEXEC = O_CLOEXEC

export const MOVE_MOUNT_F_SYMLINKS = 0x1
export const MOVE_MOUNT_F_AUTOMOUNTS = 0x2
export const MOVE_MOUNT_F_EMPTY_PATH = 0x4
export const MOVE_MOUNT_T_SYMLINKS = 0x10
export const MOVE_MOUNT_T_AUTOMOUNTS = 0x20
export const MOVE_MOUNT_T_EMPTY_PATH = 0x40
export const MOVE_MOUNT_SET_GROUP = 0x100
export const MOVE_MOUNT_BENEATH = 0x200

export const FSOPEN_CLOEXEC = 1
export const FSMOUNT_CLOEXEC = 1
export const FSCONFIG_SET_FLAG = 0
export const FSCONFIG_SET_STRING = 1
export const FSCONFIG_SET_BINARY = 2
export const FSCONFIG_SET_PATH = 3
export const FSCONFIG_SET_PATH_EMPTY = 4
export const FSCONFIG_SET_FD = 5
export const FSCONFIG_CMD_CREATE = 6
export const FSCONFIG_CMD_RECONFIGURE = 7
export const FSCONFIG_CMD_CREATE_EXCL = 8

export const MOUNT_ATTR_RDONLY = 0x1
export const MOUNT_ATTR_NOSUID = 0x2
export const MOUNT_ATTR_NODEV = 0x4
export const MOUNT_ATTR_NOEXEC = 0x8
export const MOUNT_ATTR__ATIME = 0x70
export const MOUNT_ATTR_RELATIME = 0x0
export const MOUNT_ATTR_NOATIME = 0x10
export const MOUNT_ATTR_STRICTATIME = 0x20
export const MOUNT_ATTR_NODIRATIME = 0x80
export const MOUNT_ATTR_IDMAP = 0x100000
export const MOUNT_ATTR_NOSYMFOLLOW = 0x200000

/** f_flags of statfs(2): linux/statfs.h */
export const ST_RDONLY = 0x1
export const ST_NOSUID = 0x2
export const ST_NODEV = 0x4
export const ST_NOEXEC = 0x8
export const ST_SYNCHRONOUS = 0x10
export const ST_NOATIME = 0x400
export const ST_NODIRATIME = 0x800
export const ST_RELATIME = 0x1000
export const ST_NOSYMFOLLOW = 0x2000

// ---- namespaces: linux/sched.h ----------------------------------------------------------------
export const CLONE_FS = 0x200
export const CLONE_FILES = 0x400
export const CLONE_NEWNS = 0x20000
export const CLONE_NEWCGROUP = 0x2000000
export const CLONE_NEWUTS = 0x4000000
export const CLONE_NEWIPC = 0x8000000
export const CLONE_NEWUSER = 0x10000000
export const CLONE_NEWPID = 0x20000000
export const CLONE_NEWNET = 0x40000000

// ---- processes: linux/prctl.h, asm-generic/resource.h, linux/capability.h ---------------------
export const PR_SET_PDEATHSIG = 1
export const PR_GET_DUMPABLE = 3
export const PR_SET_DUMPABLE = 4
export const PR_SET_KEEPCAPS = 8
export const PR_SET_NAME = 15
export const PR_CAPBSET_READ = 23
export const PR_CAPBSET_DROP = 24
export const PR_SET_SECUREBITS = 28
export const PR_SET_TIMERSLACK = 29
export const PR_SET_CHILD_SUBREAPER = 36
export const PR_SET_NO_NEW_PRIVS = 38
export const PR_SET_THP_DISABLE = 41
export const PR_CAP_AMBIENT = 47
export const PR_SET_IO_FLUSHER = 57

export const RLIMIT_CPU = 0
export const RLIMIT_FSIZE = 1
export const RLIMIT_DATA = 2
export const RLIMIT_STACK = 3
export const RLIMIT_CORE = 4
export const RLIMIT_NPROC = 6
export const RLIMIT_NOFILE = 7
export const RLIMIT_MEMLOCK = 8
export const RLIMIT_AS = 9
export const RLIM_INFINITY = -1

export const CAP_CHOWN = 0
export const CAP_DAC_OVERRIDE = 1
export const CAP_DAC_READ_SEARCH = 2
export const CAP_FOWNER = 3
export const CAP_FSETID = 4
export const CAP_KILL = 5
export const CAP_SETGID = 6
export const CAP_SETUID = 7
export const CAP_SETPCAP = 8
export const CAP_LINUX_IMMUTABLE = 9
export const CAP_NET_BIND_SERVICE = 10
export const CAP_NET_BROADCAST = 11
export const CAP_NET_ADMIN = 12
export const CAP_NET_RAW = 13
export const CAP_IPC_LOCK = 14
export const CAP_IPC_OWNER = 15
export const CAP_SYS_MODULE = 16
export const CAP_SYS_RAWIO = 17
export const CAP_SYS_CHROOT = 18
export const CAP_SYS_PTRACE = 19
export const CAP_SYS_PACCT = 20
export const CAP_SYS_ADMIN = 21
export const CAP_SYS_BOOT = 22
export const CAP_SYS_NICE = 23
export const CAP_SYS_RESOURCE = 24
export const CAP_SYS_TIME = 25
export const CAP_SYS_TTY_CONFIG = 26
export const CAP_MKNOD = 27
export const CAP_LEASE = 28
export const CAP_AUDIT_WRITE = 29
export const CAP_AUDIT_CONTROL = 30
export const CAP_SETFCAP = 31
export const CAP_MAC_OVERRIDE = 32
export const CAP_MAC_ADMIN = 33
export const CAP_SYSLOG = 34
export const CAP_WAKE_ALARM = 35
export const CAP_BLOCK_SUSPEND = 36
export const CAP_AUDIT_READ = 37
export const CAP_PERFMON = 38
export const CAP_BPF = 39
export const CAP_CHECKPOINT_RESTORE = 40

// ---- poll(2): asm-generic/poll.h ----------------------------------------------------------------
export const POLLIN = 0x1
export const POLLPRI = 0x2

// ---- inotify, fanotify: linux/inotify.h, linux/fanotify.h ---------------------------------------
export const IN_DELETE_SELF = 0x400
export const FAN_CLASS_NOTIF = 0
export const FAN_MARK_ADD = 0x1
export const FAN_MARK_MOUNT = 0x10
export const FAN_MARK_IGNORED_MASK = 0x20
export const FAN_OPEN = 0x20

// ---- ioctls: linux/fs.h -----------------------------------------------------------------------
export const FICLONE = 0x40049409
export const FS_IOC_GETFLAGS = 0x80086601
export const FS_IOC_SETFLAGS = 0x40086602
export const FS_IOC_GETVERSION = 0x80087601
export const FS_IOC_FSGETXATTR = 0x801c581f
export const FS_IOC_FSSETXATTR = 0x401c5820
export const FS_IOC_GETFSUUID = 0x80111500
export const FS_COMPR_FL = 0x4
export const FS_SYNC_FL = 0x8
export const FS_IMMUTABLE_FL = 0x10
export const FS_APPEND_FL = 0x20
export const FS_NODUMP_FL = 0x40
export const FS_NOATIME_FL = 0x80
export const FS_VERITY_FL = 0x100000
export const FS_NOCOW_FL = 0x800000
export const FS_DAX_FL = 0x2000000
export const FS_CASEFOLD_FL = 0x40000000

// ---- ioctls of btrfs: linux/btrfs.h -------------------------------------------------------------
export const BTRFS_IOC_SUBVOL_CREATE = 0x5000940e
export const BTRFS_IOC_SNAP_DESTROY = 0x5000940f
export const BTRFS_IOC_FS_INFO = 0x8400941f
export const BTRFS_IOC_SNAP_CREATE_V2 = 0x50009417

// ---- loop devices: linux/loop.h -----------------------------------------------------------------
export const LOOP_CONFIGURE = 0x4c0a
export const LOOP_CTL_GET_FREE = 0x4c82
export const LO_FLAGS_READ_ONLY = 0x1
export const LO_FLAGS_AUTOCLEAR = 0x4

// ---- filesystem magics of fstatfs: linux/magic.h ----------------------------------------------
export const EXT4_SUPER_MAGIC = 0xef53
export const XFS_SUPER_MAGIC = 0x58465342
export const BTRFS_SUPER_MAGIC = 0x9123683e
export const EROFS_SUPER_MAGIC_V1 = 0xe0f5e1e2
export const TMPFS_MAGIC = 0x01021994
export const OVERLAYFS_SUPER_MAGIC = 0x794c7630
export const FUSE_SUPER_MAGIC = 0x65735546
export const NFS_SUPER_MAGIC = 0x6969
export const SQUASHFS_MAGIC = 0x73717368
export const PROC_SUPER_MAGIC = 0x9fa0
