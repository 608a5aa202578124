// Limits, prctl, eventfds, the passing of descriptors and credentials over unix sockets, and poll.
import { native } from './native.js'

/** getrlimit(2) of the process; -1 is RLIM_INFINITY. */
export const getrlimit = native.getrlimit

/** setrlimit(2) of the process. */
export const setrlimit = native.setrlimit

/** prctl(2) with numbers. */
export const prctl = native.prctl

/** eventfd(2), non-blocking: a descriptor. */
export const eventfd = native.eventfd

/** Adds one to an eventfd. */
export const eventfdSignal = native.eventfdSignal

/** Two connected stream sockets. */
export const socketpair = native.socketpair

/** Waits for a message and takes its one descriptor; -ENODATA when it carries none. */
export const receiveFd = native.receiveFd

/** Sends a descriptor. */
export const sendFd = native.sendFd

/** SO_PEERCRED: [pid, uid, gid] of who connected, as seen from here; pid 0 for one that is not. */
export const peerCredentials = native.peerCredentials

/** poll(2) of one descriptor, without a limit, beside this thread: revents. */
export const pollAsync = native.pollAsync
