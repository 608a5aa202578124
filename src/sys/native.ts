// The raw surface of the addon, and the one place that loads it. Everything here is a thin
// function over one system call (or one fixed group of them); no policy lives behind it.
//
// Conventions:
//   - A call returns its result (>= 0), or -errno. Wrong argument types throw TypeError.
//   - File names are latin1 strings, one character a byte, without NUL.
//   - Offsets, sizes and lengths are numbers below 2^53. `at` is an offset into a caller's
//     buffer: bytes for Uint8Array, 32-bit words for Uint32Array.
//   - A name of '' with AT_EMPTY_PATH means the descriptor itself; it may be an O_PATH one.
//   - Descriptors are opened close-on-exec, always.
import { createRequire } from 'node:module'

/** Words of a stat record: the 22 words of the wire's `struct fuse_attr`, then what statx adds. */
export const STAT_WORDS = 32

/** Word offsets in a stat record (all little-endian host order; 64-bit values low word first). */
export const ST = {
  ino: 0,
  size: 2,
  blocks: 4,
  atime: 6,
  mtime: 8,
  ctime: 10,
  atimeNsec: 12,
  mtimeNsec: 13,
  ctimeNsec: 14,
  mode: 15,
  nlink: 16,
  uid: 17,
  gid: 18,
  /** In the kernel's new_encode_dev form, as the FUSE protocol carries it. */
  rdev: 19,
  blksize: 20,
  flags: 21,
  /** The filesystem's device number, makedev-encoded as two words. */
  dev: 22,
  btime: 24,
  btimeNsec: 26,
  /** stx_attributes, low word. */
  attributes: 27,
  /** stx_attributes_mask, low word. */
  attributesMask: 28,
  /** stx_mnt_id, 64 bits. */
  mntId: 29,
  /** stx_mask of what was filled in; 0 when the call failed (word 0 is then the errno). */
  mask: 31,
} as const

/** Words of `loopExchange`'s status block. */
export const STATUS = {
  /** Descriptor of the device the request, or the error, came from. */
  device: 0,
  /** errno of the reply's write, 0 when it was accepted. */
  replyErrno: 1,
  /** 1 when the call had to sleep for the request. */
  slept: 2,
  /** Completions that wait for `loopDrain`, kept by the pool: a look at it costs no call. */
  completions: 3,
} as const

/** What `loopCreate` gives: shared memory of a serving thread. */
export interface LoopMemory {
  readonly id: number
  /** `slots * slotBytes` bytes, page aligned, touched lazily; slot i begins at i * slotBytes. */
  readonly requests: ArrayBuffer
  /** `slotBytes` bytes for the reply being built. */
  readonly reply: ArrayBuffer
  /** 16 32-bit words, see STATUS. */
  readonly status: ArrayBuffer
  /** An eventfd: a write to it ends the current or the next wait. */
  readonly wakeFd: number
}

declare const inflaterBrand: unique symbol

/** A stream of zlib's; its memory goes with the last reference to it. */
export interface Inflater {
  readonly [inflaterBrand]: true
}

export interface Native {
  // ---- inode.cc -------------------------------------------------------------------------
  /** statx(2) with STATX_BASIC_STATS|BTIME|MNT_ID into a stat record. */
  readonly statx: (
    dirfd: number,
    name: string,
    flags: number,
    record: Uint32Array,
    at: number,
  ) => number
  /** stx_mnt_id of STATX_MNT_ID_UNIQUE: of one mount, for one boot. -EOPNOTSUPP before Linux 6.8. */
  readonly uniqueMountId: (fd: number) => number
  /**
   * statx of `count` names below one directory (AT_SYMLINK_NOFOLLOW). Names lie in `names`,
   * NUL-terminated, name i beginning at byte `offsets[first + i]`; record i is written at
   * `records[i * STAT_WORDS]`. A name that fails has mask 0 and its errno in word 0.
   */
  readonly statxBatch: (
    dirfd: number,
    names: Uint8Array,
    offsets: Uint32Array,
    first: number,
    count: number,
    records: Uint32Array,
  ) => number
  readonly mkdirat: (dirfd: number, name: string, mode: number) => number
  /** `rdev` in new_encode_dev form (as FUSE carries it). */
  readonly mknodat: (dirfd: number, name: string, mode: number, rdev: number) => number
  readonly symlinkat: (target: string, dirfd: number, name: string) => number
  readonly linkat: (
    olddirfd: number,
    oldname: string,
    newdirfd: number,
    newname: string,
    flags: number,
  ) => number
  readonly unlinkat: (dirfd: number, name: string, flags: number) => number
  readonly renameat2: (
    olddirfd: number,
    oldname: string,
    newdirfd: number,
    newname: string,
    flags: number,
  ) => number
  readonly fchownat: (
    dirfd: number,
    name: string,
    uid: number,
    gid: number,
    flags: number,
  ) => number
  /**
   * fchmodat2 semantics. `flags` may hold AT_EMPTY_PATH (works for O_PATH descriptors, through
   * /proc/self/fd where the kernel has no fchmodat2) and AT_SYMLINK_NOFOLLOW.
   */
  readonly fchmodat: (dirfd: number, name: string, mode: number, flags: number) => number
  /** Seconds are signed 64-bit numbers; nanoseconds may be UTIME_NOW or UTIME_OMIT. */
  readonly utimensat: (
    dirfd: number,
    name: string,
    atime: number,
    atimeNsec: number,
    mtime: number,
    mtimeNsec: number,
    flags: number,
  ) => number
  /** Returns the target's length; the bytes are in `buffer` from `at`. '' reads an O_PATH link. */
  readonly readlinkat: (
    dirfd: number,
    name: string,
    buffer: Uint8Array,
    at: number,
  ) => number

  // ---- file.cc --------------------------------------------------------------------------
  /** openat2(2); O_CLOEXEC is added. Falls back to openat when resolve is 0. */
  readonly openat2: (
    dirfd: number,
    name: string,
    flags: number,
    mode: number,
    resolve: number,
  ) => number
  readonly close: (fd: number) => number
  /** fcntl(F_DUPFD_CLOEXEC): dup(2), close-on-exec. */
  readonly dup: (fd: number) => number
  readonly dup2: (from: number, to: number) => number
  readonly pread: (
    fd: number,
    buffer: Uint8Array,
    at: number,
    length: number,
    position: number,
  ) => number
  readonly pwrite: (
    fd: number,
    buffer: Uint8Array,
    at: number,
    length: number,
    position: number,
  ) => number
  readonly ftruncate: (fd: number, size: number) => number
  /** truncate(2): some filesystems leave the times alone when the size stays the same. */
  readonly truncate: (path: string, size: number) => number
  readonly fallocate: (fd: number, mode: number, offset: number, length: number) => number
  readonly lseek: (fd: number, offset: number, whence: number) => number
  readonly fsync: (fd: number) => number
  readonly fdatasync: (fd: number) => number
  readonly sync_file_range: (
    fd: number,
    offset: number,
    length: number,
    flags: number,
  ) => number
  readonly syncfs: (fd: number) => number
  readonly flock: (fd: number, operation: number) => number
  /** ioctl(FICLONE). */
  readonly ficlone: (destination: number, source: number) => number
  /** Negative offsets mean the descriptors' own positions. */
  readonly copy_file_range: (
    fdIn: number,
    offIn: number,
    fdOut: number,
    offOut: number,
    length: number,
    flags: number,
  ) => number
  /**
   * fstatfs(2) into `out`, in the order of `struct fuse_kstatfs`: blocks, bfree, bavail, files,
   * ffree (64 bits each, low word first), bsize, namelen, frsize, 0; then f_type (word 14),
   * f_flags (word 15), f_fsid (words 16, 17).
   */
  readonly fstatfs: (fd: number, out: Uint32Array) => number
  /** ioctl(fd, request, buffer); `request` is the unsigned 32-bit number. */
  readonly ioctlBuffer: (fd: number, request: number, buffer: Uint8Array) => number
  /** ioctl(fd, request, value). */
  readonly ioctlNumber: (fd: number, request: number, value: number) => number

  // ---- dir.cc ---------------------------------------------------------------------------
  /** Fills `buffer` with raw `struct linux_dirent64` records from `at`; returns their bytes, 0 at the end. */
  readonly getdents64: (fd: number, buffer: Uint8Array, at: number) => number

  // ---- xattr.cc -------------------------------------------------------------------------
  // The file is `name` below `dirfd`, never followed; '' means dirfd itself (also O_PATH).
  // getxattrat(2) and family (Linux 6.13) where the kernel has them, else through
  // /proc/self/fd/N[/name] with the l*xattr calls.
  /** Returns the value's length; with a buffer of length 0 only the length. */
  readonly getxattrat: (
    dirfd: number,
    name: string,
    attribute: string,
    value: Uint8Array,
  ) => number
  readonly setxattrat: (
    dirfd: number,
    name: string,
    attribute: string,
    value: Uint8Array,
    flags: number,
  ) => number
  /** NUL-separated names; with a buffer of length 0 only the length. */
  readonly listxattrat: (dirfd: number, name: string, list: Uint8Array) => number
  /**
   * For `count` names of a directory, as statxBatch takes them: `marks[i]` is 1 where an
   * attribute begins with `prefix` or the list cannot be read, else 0. Returns 0.
   */
  readonly xattrPrefixBatch: (
    dirfd: number,
    names: Uint8Array,
    offsets: Uint32Array,
    first: number,
    count: number,
    prefix: string,
    marks: Uint8Array,
  ) => number
  readonly removexattrat: (dirfd: number, name: string, attribute: string) => number

  // ---- handle.cc ------------------------------------------------------------------------
  /**
   * Writes handle_bytes (u32), handle_type (i32) and the handle into `handle`; returns the
   * bytes used (8 + handle_bytes). `out[0]` gets the mount id.
   */
  readonly name_to_handle_at: (
    dirfd: number,
    name: string,
    handle: Uint8Array,
    out: Int32Array,
    flags: number,
  ) => number
  readonly open_by_handle_at: (
    mountFd: number,
    handle: Uint8Array,
    flags: number,
  ) => number
  /** FS_IOC_GETFSUUID: writes 16 bytes, returns the length; ENOTTY where unknown. */
  readonly getfsuuid: (fd: number, uuid: Uint8Array) => number

  // ---- mount.cc -------------------------------------------------------------------------
  readonly mount: (
    source: string,
    target: string,
    type: string,
    flags: number,
    data: string,
  ) => number
  readonly umount2: (target: string, flags: number) => number
  readonly open_tree: (dirfd: number, path: string, flags: number) => number
  readonly mount_setattr: (
    dirfd: number,
    path: string,
    flags: number,
    attrSet: number,
    attrClr: number,
    propagation: number,
    usernsFd: number,
  ) => number
  readonly move_mount: (
    fromFd: number,
    fromPath: string,
    toFd: number,
    toPath: string,
    flags: number,
  ) => number
  readonly fsopen: (type: string, flags: number) => number
  /** `value` null for commands that take none; `aux` is the fd or 0. */
  readonly fsconfig: (
    fd: number,
    command: number,
    key: string | null,
    value: string | null,
    aux: number,
  ) => number
  readonly fsmount: (fd: number, flags: number, attrFlags: number) => number

  // ---- namespace.cc ---------------------------------------------------------------------
  readonly unshare: (flags: number) => number
  readonly setns: (fd: number, type: number) => number

  // ---- notify.cc ------------------------------------------------------------------------
  readonly inotify_init1: (flags: number) => number
  readonly inotify_add_watch: (fd: number, path: string, mask: number) => number
  readonly fanotify_init: (flags: number, eventFlags: number) => number
  readonly fanotify_mark: (
    fd: number,
    flags: number,
    mask: number,
    dirfd: number,
    path: string,
  ) => number

  // ---- credentials.cc (all of them act on the calling thread alone) -----------------------
  /**
   * setfsgid, setfsuid, and the effective capabilities raised again to what they were: what is
   * created next belongs to that user, while the rights stay ours (as ovl_override_creds with
   * the fsuid of the caller). `restore` undoes it.
   */
  readonly assume: (uid: number, gid: number) => number
  readonly restore: () => number
  readonly umask: (mask: number) => number
  /** Effective, permitted and inheritable sets: six words, low words first in each pair. */
  readonly capget: (out: Uint32Array) => number
  readonly capset: (sets: Uint32Array) => number
  readonly setgroups: (groups: Uint32Array) => number
  /** Real, effective and saved ids of the whole process are Node's; these are the thread's. */
  readonly setresuid: (real: number, effective: number, saved: number) => number
  readonly setresgid: (real: number, effective: number, saved: number) => number

  // ---- process.cc -----------------------------------------------------------------------
  /** out = [soft, hard], RLIM_INFINITY as -1. */
  readonly getrlimit: (resource: number, out: Float64Array) => number
  readonly setrlimit: (resource: number, soft: number, hard: number) => number
  readonly prctl: (
    option: number,
    arg2: number,
    arg3: number,
    arg4: number,
    arg5: number,
  ) => number
  readonly eventfd: (initial: number) => number
  readonly eventfdSignal: (fd: number) => number
  /** out = two connected SOCK_STREAM unix sockets. */
  readonly socketpair: (out: Int32Array) => number
  /** Receives one descriptor (SCM_RIGHTS); -ENODATA when the message carries none. */
  readonly receiveFd: (socket: number) => number
  readonly sendFd: (socket: number, fd: number) => number
  /** SO_PEERCRED of a unix socket (unix(7)): out = [pid, uid, gid], ids as signed words. */
  readonly peerCredentials: (socket: number, out: Int32Array) => number
  /** poll(2) of one descriptor, without a limit, on one of Node's threads: what happened (revents). */
  readonly pollAsync: (fd: number, events: number) => Promise<number>

  // ---- device.cc: /dev/fuse ---------------------------------------------------------------
  /** FUSE_DEV_IOC_BACKING_OPEN: a backing id (> 0). */
  readonly backingOpen: (device: number, fd: number) => number
  readonly backingClose: (device: number, backingId: number) => number
  /** FUSE_DEV_IOC_CLONE of `device` onto `clone` (a fresh descriptor of /dev/fuse). */
  readonly deviceClone: (clone: number, device: number) => number

  /** Memory, wake descriptor and completion queue of one serving thread. Throws on ENOMEM. */
  readonly loopCreate: (slots: number, slotBytes: number) => LoopMemory
  readonly loopDestroy: (loop: number) => number
  /** Serves `device` too; it is made non-blocking. */
  readonly loopAdd: (loop: number, device: number) => number
  readonly loopRemove: (loop: number, device: number) => number
  /**
   * Writes `replyBytes` bytes of the reply memory to `device` (when > 0), then reads the next
   * request of any added device into slot `slot`: it polls for `spinNanoseconds`, then sleeps.
   * Returns the request's bytes; 0 when woken through wakeFd or by a completion that wakes
   * (the eventfd is read empty); -errno of the device named in the status (-ENODEV: unmounted).
   * EINTR, EAGAIN and ENOENT (request vanished) are retried inside. Devices are served in turn.
   */
  readonly loopExchange: (
    loop: number,
    device: number,
    replyBytes: number,
    slot: number,
    spinNanoseconds: number,
  ) => number
  /** Writes `bytes` bytes of the reply memory to `device` now; 0 or -errno. */
  readonly loopReply: (loop: number, device: number, replyBytes: number) => number
  /**
   * Reads `size` bytes at `position` with RWF_NOWAIT and answers the request with them (short
   * only at the end of the file). Returns the bytes sent, or -EAGAIN (nothing was sent: the data
   * is not in memory, or the filesystem cannot say), or -errno of the read (nothing was sent).
   */
  readonly loopReadNow: (
    loop: number,
    device: number,
    uniqueLow: number,
    uniqueHigh: number,
    fd: number,
    position: number,
    size: number,
  ) => number

  // ---- pool.cc: data work on other threads -------------------------------------------------
  // Each takes a `token` (a positive 32-bit number) and posts (token, result) to the loop's
  // completion queue when done, result = value or -errno. The ones with a unique answer the
  // kernel themselves before posting. `wake` says whether the completion ends the loop's wait.
  readonly poolStart: (loop: number, threads: number) => number
  /** Copies up to `out.length / 2` completions as pairs (token, result); returns how many. */
  readonly loopDrain: (loop: number, out: Float64Array) => number
  /** Posts a completion from another thread; ends the loop's wait. */
  readonly loopPost: (loop: number, token: number, result: number) => number
  readonly poolRead: (
    loop: number,
    device: number,
    uniqueLow: number,
    uniqueHigh: number,
    fd: number,
    position: number,
    size: number,
    token: number,
    wake: boolean,
  ) => number
  /** Data lies in request slot `slot` at byte `at`; answers fuse_write_out. */
  readonly poolWrite: (
    loop: number,
    device: number,
    uniqueLow: number,
    uniqueHigh: number,
    fd: number,
    position: number,
    slot: number,
    at: number,
    size: number,
    token: number,
    wake: boolean,
  ) => number
  /** fsync or fdatasync; answers an empty reply or the errno. */
  readonly poolFsync: (
    loop: number,
    device: number,
    uniqueLow: number,
    uniqueHigh: number,
    fd: number,
    dataOnly: boolean,
    token: number,
    wake: boolean,
  ) => number
  readonly poolFallocate: (
    loop: number,
    device: number,
    uniqueLow: number,
    uniqueHigh: number,
    fd: number,
    mode: number,
    offset: number,
    length: number,
    token: number,
    wake: boolean,
  ) => number
  /** copy_file_range in full; answers fuse_write_out, or (wide) fuse_copy_file_range_out. */
  readonly poolCopyRange: (
    loop: number,
    device: number,
    uniqueLow: number,
    uniqueHigh: number,
    fdIn: number,
    offIn: number,
    fdOut: number,
    offOut: number,
    length: number,
    wide: boolean,
    token: number,
    wake: boolean,
  ) => number
  /**
   * The data of a copy-up: FICLONE, else copy_file_range that keeps holes (SEEK_DATA), else
   * read and write; then the file is `size` bytes long. `sync`: 0 nothing, 1 sync_file_range
   * with both waits, 2 fsync. Always wakes.
   */
  readonly poolCopyData: (
    loop: number,
    fdIn: number,
    fdOut: number,
    size: number,
    sync: number,
    token: number,
  ) => number
  /**
   * Copies `length` bytes that are there from one place to another; then `sync` as above. -EIO
   * where the source ends before. Always wakes.
   */
  readonly poolCopyPart: (
    loop: number,
    fdIn: number,
    offIn: number,
    fdOut: number,
    offOut: number,
    length: number,
    sync: number,
    token: number,
  ) => number
  /** fsync of a descriptor without a reply. Always wakes. */
  readonly poolSync: (loop: number, fd: number, sync: number, token: number) => number
  /** Writes bytes (a notification; copied before the call returns) to the device. */
  readonly poolNotify: (
    loop: number,
    device: number,
    bytes: Uint8Array,
    token: number,
  ) => number
  /** Ends the notifications of a device that nobody has begun to write, with -ECANCELED. */
  readonly poolForgetNotices: (loop: number, device: number) => number
  /** From now on every completion ends the loop's wait, or again only those that are meant to. */
  readonly loopWakeAlways: (loop: number, always: boolean) => number
  /** The same as poolCopyData on the calling thread, for files that cost less than a hand-over. */
  readonly copyData: (fdIn: number, fdOut: number, size: number, sync: number) => number

  // ---- inflate.cc: zlib's inflate with stops between blocks -----------------------------------
  /** `windowBits` as inflateInit2: 31 for gzip, -15 for a raw stream. An inflater, or -errno. */
  readonly inflateCreate: (windowBits: number) => Inflater | number
  /** inflateReset2: a new stream with the same memory. */
  readonly inflateReset: (inflater: Inflater, windowBits: number) => number
  /** inflatePrime: the bits that stand before the next byte. */
  readonly inflatePrime: (inflater: Inflater, bits: number, value: number) => number
  /** inflateSetDictionary of a raw stream: the last bytes that came out before. */
  readonly inflateSetWindow: (inflater: Inflater, window: Uint8Array) => number
  /** inflateGetDictionary: bytes written into `window`, which has room for 32 KiB. */
  readonly inflateGetWindow: (inflater: Inflater, window: Uint8Array) => number
  /**
   * Inflates until the input is used up or the output is full (0), the stream has ended (1), or a
   * block has ended and `stopAfter` bytes at least have come out (2). -EBADMSG: damaged data.
   * result = [bytes used, bytes made, bits of the last used byte that belong to the next block].
   */
  readonly inflateRun: (
    inflater: Inflater,
    input: Uint8Array,
    output: Uint8Array,
    stopAfter: number,
    result: Float64Array,
  ) => number
  /** The same on one of Node's threads; nothing it was given may be touched until then. */
  readonly inflateRunAsync: (
    inflater: Inflater,
    input: Uint8Array,
    output: Uint8Array,
    stopAfter: number,
    result: Float64Array,
  ) => Promise<number>
  /** zlib's crc32() of more bytes behind those whose check is `before`; 0 for none. */
  readonly crc32: (before: number, bytes: Uint8Array) => number

  // ---- recorded_tree.cc -----------------------------------------------------------------------
  /**
   * Whether one share of `shares` of a tree's directories is as the first part of an inventory says
   * (image/inventory/layout.ts), found on one of Node's threads: neither the root nor the words may
   * go until then. False also where it could not be told.
   */
  readonly recordedTreeAsync: (
    root: number,
    words: Uint32Array,
    share: number,
    shares: number,
  ) => Promise<boolean>

  // ---- abi.cc -----------------------------------------------------------------------------
  /** name -> [size, {field: [offset, size]}] of kernel structures, for the layout test. */
  readonly abi: () => Record<
    string,
    { size: number; fields: Record<string, [offset: number, size: number]> }
  >
}

/** The addon. Loaded once, at import: nothing may be loaded after a mount. */
export const native: Native = load()

function load(): Native {
  const require = createRequire(import.meta.url)
  return require(
    process.env['PLYFS_ADDON'] ?? '../../native-helpers/build/Release/helpers.node',
  ) as Native
}
