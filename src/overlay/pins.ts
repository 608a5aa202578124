// Upper objects that have lost their last name and are still known to the kernel: each must stay
// until FORGET. The first ones are held by a descriptor. Beyond a share of the process's
// descriptors, an object keeps a name in the work directory instead: that costs none, needs no
// right to open files by handle, and goes with the next mount after a crash, like any temporary.
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_FOLLOW,
  O_NOFOLLOW,
  O_PATH,
  RLIMIT_NOFILE,
} from '../sys/constants.js'
import { E } from '../errno/errno.js'
import { close, openat2 } from '../sys/file.js'
import { linkat } from '../sys/inode.js'
import { getrlimit } from '../sys/process.js'
import { locateUpper } from './locate.js'
import type { Node } from './node.js'
import type { Union } from './union.js'

/** What holds an object: a descriptor, or a name in the work directory. */
export type Pin = number | string

/** Descriptors that may hold objects; less where the limit is low: a quarter of it. */
const MOST_DESCRIPTORS = 4096

/** Knows the nodes that have descriptors, and the names. */
export class Pins {
  readonly held = new Set<Node>()
  readonly names = new Set<string>()
  private most = -1
  private readonly share: number

  /** @param share the mount's part of the process's descriptors, 0 to 1. */
  constructor(share: number) {
    this.share = share
  }

  /** Whether one more object may be held by a descriptor. */
  get haveRoom(): boolean {
    if (this.most < 0) this.most = descriptorsAllowed(this.share)
    return this.held.size < this.most
  }
}

function descriptorsAllowed(share: number): number {
  const limits = new Float64Array(2)
  const soft = getrlimit(RLIMIT_NOFILE, limits) < 0 ? -1 : (limits[0] ?? -1)
  const quarter = soft < 0 ? MOST_DESCRIPTORS : Math.floor((soft * share) / 4)
  return Math.min(quarter, MOST_DESCRIPTORS)
}

/** Whether something holds a node's object instead of a name in the upper. */
export function isPinned(node: Node): boolean {
  return node.pinnedFd >= 0 || node.parked !== ''
}

/**
 * Holds a node's upper object before a name of it goes: the pin, null where none is needed, or
 * -errno. To be kept by `keepPin` or given back by `dropPin`.
 */
export function pinUpper(u: Union, node: Node): Pin | null {
  if (!node.hasUpper || isPinned(node)) return null
  const at = locateUpper(u, node)
  return pinObject(u, at.fd, at.name, node.isDirectory)
}

/** The same for an object by its place. */
export function pinObject(
  u: Union,
  dirfd: number,
  name: string,
  isDirectory: boolean,
): Pin {
  if (!isDirectory && !u.pins.haveRoom) {
    const parked = u.work.temporary()
    if (linkObject(dirfd, name, u.work.fd, parked) >= 0) return parked
  }
  return name === ''
    ? openat2(dirfd, '.', O_PATH, 0, 0)
    : openat2(dirfd, name, O_PATH | O_NOFOLLOW, 0, 0)
}

/** What holds a node without a name from now on. */
export function keepPin(u: Union, node: Node, pin: Pin | null): void {
  if (typeof pin === 'string') {
    node.parked = pin
    u.pins.names.add(pin)
  } else if (pin !== null && pin >= 0) {
    node.pinnedFd = pin
    u.pins.held.add(node)
  }
}

/** Gives back a pin that no node has. */
export function dropPin(u: Union, pin: Pin | null): void {
  if (typeof pin === 'string') u.work.discard(pin)
  else if (pin !== null && pin >= 0) close(pin)
}

/** The node has a name again, or is gone: nothing needs to hold its object. */
export function unpin(u: Union, node: Node): void {
  if (node.pinnedFd >= 0) {
    close(node.pinnedFd)
    node.pinnedFd = -1
    u.pins.held.delete(node)
  }
  if (node.parked === '') return
  u.pins.names.delete(node.parked)
  u.work.discard(node.parked)
  node.parked = ''
}

/** At the end of a mount the kernel forgets without a word. */
export function unpinAll(u: Union): void {
  for (const name of u.pins.names) u.work.discard(name)
  u.pins.names.clear()
  for (const node of u.pins.held) {
    close(node.pinnedFd)
    node.pinnedFd = -1
  }
  u.pins.held.clear()
}

/** Another name for an object, '' for that of a descriptor. 0 or -errno. */
export function linkObject(
  fd: number,
  name: string,
  newDirfd: number,
  newName: string,
): number {
  if (name !== '') return linkat(fd, name, newDirfd, newName, 0)
  const linked = linkat(fd, '', newDirfd, newName, AT_EMPTY_PATH)
  if (linked !== -E.ENOENT) return linked
  // Without CAP_DAC_READ_SEARCH the way leads through /proc (open(2), O_TMPFILE).
  return linkat(AT_FDCWD, `/proc/self/fd/${fd}`, newDirfd, newName, AT_SYMLINK_FOLLOW)
}
