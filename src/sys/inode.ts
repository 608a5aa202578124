// Calls on inodes by directory descriptor and name: attributes, names, links. Each is the addon's
// function itself (a value >= 0, or -errno); none follows a symlink in the last component unless
// its flags say so.
import { native } from './native.js'

/** The number of the mount that a descriptor is on, never given to another until the next boot. */
export const uniqueMountId = native.uniqueMountId

/** statx(2) into a stat record (offsets: ST). 0 or -errno; a failed call leaves the record alone. */
export const statx = native.statx

/** statx of many names of one directory; each record says for itself whether it failed. */
export const statxBatch = native.statxBatch

/** getdents64 and statx of a tree's directories, compared with a record of them. */
export const recordedTreeAsync = native.recordedTreeAsync

/** mkdirat(2); the umask of the calling thread applies. */
export const mkdirat = native.mkdirat

/** mknodat(2); `rdev` as FUSE carries it (new_encode_dev). */
export const mknodat = native.mknodat

/** symlinkat(2). */
export const symlinkat = native.symlinkat

/** linkat(2); AT_EMPTY_PATH needs CAP_DAC_READ_SEARCH. */
export const linkat = native.linkat

/** unlinkat(2); AT_REMOVEDIR for directories. */
export const unlinkat = native.unlinkat

/** renameat2(2). */
export const renameat2 = native.renameat2

/** fchownat(2); 0xffffffff leaves an id as it is. */
export const fchownat = native.fchownat

/** fchmodat2(2) and what it does, where the kernel has none. */
export const fchmodat = native.fchmodat

/** utimensat(2); nanoseconds may be UTIME_NOW or UTIME_OMIT. */
export const utimensat = native.utimensat

/** readlinkat(2): the target's length; the bytes are in the buffer from `at`. */
export const readlinkat = native.readlinkat
