// /dev/fuse: the serving thread's loop and the device's ioctls. Knows no request but by its bytes.
import { native } from './native.js'

export { STATUS } from './native.js'
export type { LoopMemory } from './native.js'

/** A backing id (> 0) for passthrough to an open file. */
export const backingOpen = native.backingOpen

/** Drops a backing id. */
export const backingClose = native.backingClose

/** Makes a fresh descriptor of /dev/fuse another channel of the connection of `device`. */
export const deviceClone = native.deviceClone

/** Memory, wake descriptor and completion queue of a serving thread. Throws on ENOMEM. */
export const loopCreate = native.loopCreate

/** Ends the loop's threads, waits for their running jobs and closes its wake descriptor. */
export const loopDestroy = native.loopDestroy

/** Serves a device too; it is made non-blocking. */
export const loopAdd = native.loopAdd

/** Serves a device no longer. */
export const loopRemove = native.loopRemove

/** Writes a reply and fetches the next request (see native.ts). */
export const loopExchange = native.loopExchange

/** Writes a reply and no more. */
export const loopReply = native.loopReply

/** Answers a READ from memory, or says -EAGAIN. */
export const loopReadNow = native.loopReadNow
