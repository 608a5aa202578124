// The last step of a copy-up: a finished temporary gets its name in the upper directory, directly
// or through the index, and the parent keeps its times (ovl_do_copy_up, ovl_link_up).
import { E } from '../errno/errno.js'
import { AT_EMPTY_PATH, O_RDONLY } from '../sys/constants.js'
import { close, fsync, openat2 } from '../sys/file.js'
import { linkat, renameat2, statx } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { copyTimes } from './copy-metadata.js'
import { setImpure } from './impure.js'
import { writeNlink } from './nlink.js'
import type { Node } from './node.js'
import { type Union, upperOf } from './union.js'

const record = new Uint32Array(STAT_WORDS)
const parentRecord = new Uint32Array(STAT_WORDS)

/**
 * Gives a finished temporary its name in the upper directory: directly, or through the index
 * for one of several names of a lower inode (ovl_do_copy_up, ovl_link_up).
 */
export function publishFile(
  u: Union,
  node: Node,
  temporary: string,
  lower: Uint32Array,
): number {
  if (node.parent === null) return -E.ESTALE
  const nlink = lower[ST.nlink] ?? 1
  if (u.stack.index !== null && nlink > 1 && node.lowerDir !== null) {
    const entry = u.stack.index.entryOf(node.lowerDir, node.lowerName)
    if (typeof entry === 'string') return publishIndexed(u, node, temporary, entry, nlink)
  }
  const parent = upperOf(node.parent)
  const error = setImpure(u, node.parent)
  if (error < 0) return error
  const fd = u.fd(parent)
  statx(fd, '', AT_EMPTY_PATH, parentRecord, 0)
  const renamed = renameat2(u.work.fd, temporary, u.fd(parent), node.name, 0)
  if (renamed < 0) return renamed
  copyTimes({ fd: u.fd(parent), name: '.' }, parentRecord)
  notePublished(u, node)
  return 0
}

function publishIndexed(
  u: Union,
  node: Node,
  temporary: string,
  entry: string,
  nlink: number,
): number {
  const index = u.stack.index
  if (index === null) return -E.EIO
  const { xattrs } = u.format
  let error = writeNlink(u.work.fd, temporary, xattrs, 'U', nlink, 1)
  if (error >= 0) error = renameat2(u.work.fd, temporary, index.fd, entry, 0)
  if (error < 0) return error
  node.indexEntry = entry
  node.hasUpper = true
  node.nlink = nlink
  rekey(u, node)
  notePublished(u, node)
  const parent = node.parent
  return parent === null ? 0 : linkUp(u, node, parent, node.name, nlink)
}

/** The node's identity is the upper inode's from now on. */
function rekey(u: Union, node: Node): void {
  const index = u.stack.index
  if (index === null || index.lookup(node.indexEntry, record) < 0) return
  if (u.nodes.links.get(node.linkKey) === node) u.nodes.links.delete(node.linkKey)
  node.linkKey = `upper:${record[ST.ino + 1] ?? 0}:${record[ST.ino] ?? 0}`
  u.nodes.links.set(node.linkKey, node)
}

/**
 * ovl_link_up: links an indexed inode to one of its lower names, so that the name is in the
 * upper, whose directory `parent` has been copied up. `lowerNlink` is the lower inode's link count. 0 or -errno.
 */
export function linkUp(
  u: Union,
  node: Node,
  parent: Node,
  name: string,
  lowerNlink: number,
): number {
  const index = u.stack.index
  if (index === null || node.indexEntry === '') return -E.EIO
  let error = setImpure(u, parent)
  if (error < 0) return error
  const upper = upperOf(parent)
  statx(u.fd(upper), '', AT_EMPTY_PATH, parentRecord, 0)
  const { xattrs } = u.format
  error = writeNlink(index.fd, node.indexEntry, xattrs, 'L', node.nlink, lowerNlink)
  if (error >= 0) error = linkat(index.fd, node.indexEntry, u.fd(upper), name, 0)
  if (error < 0) return error
  copyTimes({ fd: u.fd(upper), name: '.' }, parentRecord)
  index.lookup(node.indexEntry, record)
  const real = record[ST.nlink] ?? 1
  return writeNlink(index.fd, node.indexEntry, xattrs, 'U', node.nlink, real)
}

/** Gives a finished temporary directory its name. 0 or -errno. */
export function publishDirectory(
  u: Union,
  parent: Node,
  temporary: string,
  name: string,
): number {
  const upper = upperOf(parent)
  statx(u.fd(upper), '', AT_EMPTY_PATH, parentRecord, 0)
  if (u.options.sync === 'strict') {
    const fd = openat2(u.work.fd, temporary, O_RDONLY, 0, 0)
    if (fd >= 0) fsync(fd)
    if (fd >= 0) close(fd)
  }
  const renamed = renameat2(u.work.fd, temporary, u.fd(upper), name, 0)
  if (renamed < 0) return renamed
  copyTimes({ fd: u.fd(upper), name: '.' }, parentRecord)
  return 0
}

/**
 * The parent's listing goes on being true: the name lies in the upper now, and below. The
 * kernel's attributes do not: the copy and its parent have new change times. The node is held by
 * the request that needed the copy, or by a directory entry below it.
 */
export function notePublished(u: Union, node: Node): void {
  if (node.id > 0) u.channel.invalidateAttributes(node.id)
  const parentId = node.parent?.id ?? 0
  if (parentId > 0) u.channel.invalidateAttributes(parentId)
  node.parent?.dir?.listing?.moveToUpper(node.name)
}
