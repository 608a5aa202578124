// Namespaces of the calling thread. A thread that shares its root and umask (CLONE_FS) with others
// must unshare that first: the kernel refuses setns to a mount namespace otherwise.
import { native } from './native.js'

/** unshare(2) of the calling thread. */
export const unshare = native.unshare

/** setns(2) of the calling thread. */
export const setns = native.setns
