// Credentials of the calling thread, and of no other: the raw system calls, never the C library's
// wrappers, which would change every thread of the process.
import { native } from './native.js'

/** What is made next belongs to uid and gid, with our capabilities. -EPERM: the kernel refused. */
export const assume = native.assume

/** Undoes `assume`; 0 when there is nothing to undo. */
export const restore = native.restore

/** umask(2): the former mask. Process-wide until unshare(CLONE_FS). */
export const umask = native.umask

/** Effective, permitted and inheritable set, two words each. */
export const capget = native.capget

/** Sets what `capget` gives. */
export const capset = native.capset

/** Supplementary groups. */
export const setgroups = native.setgroups

/** Real, effective and saved uid; 0xffffffff leaves one as it is. */
export const setresuid = native.setresuid

/** Real, effective and saved gid; 0xffffffff leaves one as it is. */
export const setresgid = native.setresgid
