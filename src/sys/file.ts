// Calls on open files, and the opening of them. Each is the addon's function itself (a value >= 0,
// or -errno). None of them keeps a descriptor: closing is the caller's.
import { native } from './native.js'

/** openat2(2), close-on-exec: a descriptor or -errno. */
export const openat2 = native.openat2

/** close(2). The descriptor is gone whatever it returns. */
export const close = native.close

/** dup(2), close-on-exec. */
export const dup = native.dup

/** dup2(2); close-on-exec, but for 0, 1 and 2. */
export const dup2 = native.dup2

/** pread(2), as it comes: may be short. */
export const pread = native.pread

/** pwrite(2), as it comes: may be short. */
export const pwrite = native.pwrite

/** ftruncate(2). */
export const ftruncate = native.ftruncate

/** truncate(2). */
export const truncate = native.truncate

/** fallocate(2). */
export const fallocate = native.fallocate

/** lseek(2), with SEEK_DATA and SEEK_HOLE. */
export const lseek = native.lseek

/** fsync(2). */
export const fsync = native.fsync

/** fdatasync(2). */
export const fdatasync = native.fdatasync

/** sync_file_range(2). */
export const sync_file_range = native.sync_file_range

/** syncfs(2). */
export const syncfs = native.syncfs

/** flock(2). */
export const flock = native.flock

/** ioctl(FICLONE): the destination shares the blocks of the source. */
export const ficlone = native.ficlone

/** copy_file_range(2), one call: may be short. */
export const copy_file_range = native.copy_file_range

/** fstatfs(2) in the order of the wire (see native.ts). */
export const fstatfs = native.fstatfs

/** ioctl(2) with a buffer of at least the size that the request states. */
export const ioctlBuffer = native.ioctlBuffer

/** ioctl(2) with a number. */
export const ioctlNumber = native.ioctlNumber
