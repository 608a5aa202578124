// Data work that may wait for a disk, on the threads of a loop's pool. A job that carries a unique
// answers the kernel itself; the memory and descriptors it was given stay in use until its
// completion has been drained.
import { native } from './native.js'

/** Starts threads up to that number. They have the credentials of the calling thread. */
export const poolStart = native.poolStart

/** Takes completions as pairs (token, result). */
export const loopDrain = native.loopDrain

/** The end of a job that another thread of ours has done, with a token of the loop's. */
export const loopPost = native.loopPost

/** Answers a READ. */
export const poolRead = native.poolRead

/** Answers a WRITE with data from a request slot. */
export const poolWrite = native.poolWrite

/** Answers an FSYNC. */
export const poolFsync = native.poolFsync

/** Answers a FALLOCATE. */
export const poolFallocate = native.poolFallocate

/** Answers a COPY_FILE_RANGE (or _64 when wide). */
export const poolCopyRange = native.poolCopyRange

/** The data part of a copy-up. */
export const poolCopyData = native.poolCopyData

/** A part of a file's data, to another place. */
export const poolCopyPart = native.poolCopyPart

/** fsync of a descriptor that nobody waits for in the kernel. */
export const poolSync = native.poolSync

/** Writes a notification, in order, from a thread of its own. */
export const poolNotify = native.poolNotify

/** Ends the notifications of a device that nobody has begun to write: -ECANCELED. */
export const poolForgetNotices = native.poolForgetNotices

/** Whether each completion ends the loop's wait, or only those that are meant to. */
export const loopWakeAlways = native.loopWakeAlways

/** The data part of a copy-up, here and now: for small files. */
export const copyData = native.copyData
