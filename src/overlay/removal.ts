// unlink and rmdir (ovl_do_remove): a name that a lower layer has as well needs a whiteout in
// its place; an object somebody may still hold is pinned before its name goes.
import { E } from '../errno/errno.js'
import type { Request } from '../fuse/request.js'
import { dotWhiteout } from '../layer/format.js'
import {
  AT_EMPTY_PATH,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_WRONLY,
  RENAME_EXCHANGE,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { statx } from '../layer/object-calls.js'
import { mkdirat, renameat2, unlinkat } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import { isEmptyDirectory } from '../layer/read-directory.js'
import { hasDotWhiteout, isDeviceWhiteout, isXattrWhiteout } from '../layer/whiteout.js'
import { copyMetadata } from './copy-metadata.js'
import { copyUp, copyUpDirectory } from './copy-up.js'
import { linkUp } from './publish.js'
import { listingOf } from './listings.js'
import { writeNlink } from './nlink.js'
import { hasDirectory, type Directory, type Node } from './node.js'
import { dropPin, isPinned, keepPin, type Pin, pinObject, pinUpper } from './pins.js'
import { mayRemove } from './protection.js'
import { type Union, upperOf } from './union.js'

const record = new Uint32Array(STAT_WORDS)

/** Removes a name of a non-directory. 0, PENDING or -errno. */
export function unlinkName(
  u: Union,
  req: Request,
  parent: Node & { dir: Directory },
  name: string,
  node: Node,
): number {
  if (node.isDirectory) return -E.EISDIR
  const refused = mayGo(u, parent, node)
  if (refused < 0) return refused
  if (node.copying !== null) return u.wait(node, req)
  const ready = beginNlink(u, req, parent, name, node)
  if (ready !== 0) return ready
  const hadUpper = isUpperName(u, parent, name, node)
  const pin = pinUpper(u, node)
  if (typeof pin === 'number' && pin < 0) return pin
  const error = removeName(
    u,
    parent,
    name,
    hadUpper,
    lowerPositive(u, parent.dir, name, hadUpper),
  )
  if (error < 0) {
    dropPin(u, pin)
    return error
  }
  forgetName(u, parent, name, node, pin)
  return 0
}

/** Removes an empty directory. 0 or -errno. */
export function removeDirectory(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  node: Node,
): number {
  if (!hasDirectory(node)) return -E.ENOTDIR
  const refused = mayGo(u, parent, node)
  if (refused < 0) return refused
  if (listingOf(u, node).size > 0) return -E.ENOTEMPTY
  const ready = copyUpDirectory(u, parent)
  if (ready < 0) return ready
  const hadUpper = node.dir.upper !== null
  const keeps = hadUpper && !isPinned(node) && !u.pins.haveRoom
  const pin = keeps ? null : pinUpper(u, node)
  if (typeof pin === 'number' && pin < 0) return pin
  const left = hadUpper
    ? takeDirectory(u, parent, name, node, keeps)
    : addWhiteout(u, parent, name)
  if (typeof left === 'number' && left < 0) {
    dropPin(u, pin)
    return left
  }
  node.dir.removed = true
  u.listings.drop(node)
  forgetName(u, parent, name, node, typeof left === 'string' ? left : pin)
  return 0
}

/**
 * Takes an empty directory's name out of the upper. With `keeps`, the directory is left in the
 * work directory, under the name that is returned. Otherwise 0, or -errno.
 */
function takeDirectory(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  node: Node & { dir: Directory },
  keeps: boolean,
): number | string {
  if (lowerPositive(u, parent.dir, name, true)) {
    const left = hideDirectory(u, parent, name)
    if (keeps || typeof left === 'number') return left
    u.work.discardDirectory(left)
    return 0
  }
  const cleared = clearDirectory(u, parent, name, node)
  if (cleared < 0) return cleared
  const upper = u.fd(upperOf(parent))
  if (!keeps) return unlinkat(upper, name, AT_REMOVEDIR)
  const left = u.work.temporary()
  const moved = renameat2(upper, name, u.work.fd, left, 0)
  return moved < 0 ? moved : left
}

function mayGo(u: Union, parent: Node, node: Node): number {
  if (!u.isWritable) return -E.EROFS
  return mayRemove(parent, node)
}

/**
 * ovl_nlink_start: an indexed lower hard link is copied up before one of its names goes, since
 * the union's link count is stored with the upper inode. 0, PENDING or -errno.
 */
export function beginNlink(
  u: Union,
  req: Request,
  parent: Node,
  name: string,
  node: Node,
): number {
  const ready = copyUpDirectory(u, parent)
  if (ready < 0) return ready
  if (node.isDirectory || u.stack.index === null) return 0
  if (!node.hasUpper && node.lowerDir !== null) {
    const error = statx(
      u.fd(node.lowerDir),
      node.lowerName,
      AT_SYMLINK_NOFOLLOW,
      record,
      0,
    )
    if (error < 0) return error
    if ((record[ST.nlink] ?? 1) > 1) {
      const up = copyUp(u, node, req)
      if (up !== 0) return up
    }
  }
  if (node.indexEntry === '') return 0
  if (!isUpperName(u, parent, name, node)) {
    const linked = linkUp(u, node, parent, name, lowerNlinkOf(u, node))
    if (linked < 0) return linked
  }
  u.stack.index.lookup(node.indexEntry, record)
  const real = record[ST.nlink] ?? 1
  return Math.min(
    writeNlink(u.stack.index.fd, node.indexEntry, u.format.xattrs, 'U', node.nlink, real),
    0,
  )
}

function lowerNlinkOf(u: Union, node: Node): number {
  if (node.lowerDir === null) return node.nlink
  const error = statx(u.fd(node.lowerDir), node.lowerName, AT_SYMLINK_NOFOLLOW, record, 0)
  return error < 0 ? node.nlink : (record[ST.nlink] ?? 1)
}

/** Whether this name of the node is in the upper directory (of an indexed inode not all are). */
export function isUpperName(u: Union, parent: Node, name: string, node: Node): boolean {
  if (!node.hasUpper) return false
  if (node.indexEntry === '') return true
  const upper = parent.dir?.upper
  if (upper === null || upper === undefined) return false
  return statx(u.fd(upper), name, AT_SYMLINK_NOFOLLOW, record, 0) === 0
}

/**
 * ovl_lower_positive: whether a layer below has the name, so that its removal from the upper
 * would let it show through.
 */
export function lowerPositive(
  u: Union,
  dir: Directory,
  name: string,
  inUpper: boolean,
): boolean {
  if (!inUpper) return true
  if (dir.lowers.length === 0) return false
  if (dir.listing?.isOnlyInUpper(name) === true) return false
  for (const lower of dir.lowers) {
    const fd = u.fd(lower)
    const error = statx(fd, name, AT_SYMLINK_NOFOLLOW, record, 0)
    if (hasDotWhiteout(fd, name, u.format)) return false
    if (error === 0) return !isWhiteoutIn(u, lower, name)
    if (error !== -E.ENOENT && error !== -E.ENAMETOOLONG) return true
  }
  return false
}

/** Whether the object of a lower directory that `record` describes only hides its name. */
function isWhiteoutIn(u: Union, lower: LayerDirectory, name: string): boolean {
  if (isDeviceWhiteout(record)) return true
  if (!lower.hasXattrWhiteouts(u.directoryFds, u.format)) return false
  return isXattrWhiteout(u.fd(lower), name, record, u.format)
}

/** Takes a non-directory's name out of the upper, leaving a whiteout where one is needed. */
export function removeName(
  u: Union,
  parent: Node,
  name: string,
  inUpper: boolean,
  needsWhiteout: boolean,
): number {
  const upper = u.fd(upperOf(parent))
  if (!needsWhiteout) return unlinkat(upper, name, 0)
  if (u.format.writesDotWhiteouts) {
    const hidden = addDotWhiteout(upper, name)
    return hidden < 0 || !inUpper ? hidden : unlinkat(upper, name, 0)
  }
  const ready = readyForWhiteouts(u, parent)
  if (ready < 0) return ready
  return inUpper ? u.work.renameWhiteout(upper, name) : u.work.linkWhiteout(upper, name)
}

/** What must be on disk before a whiteout is put into a directory of the upper. 0 or -errno. */
export function readyForWhiteouts(u: Union, parent: Node): number {
  if (!u.format.writesXattrWhiteouts) return 0
  return upperOf(parent).markXattrWhiteouts(u.directoryFds, u.format)
}

/** Hides a name that only lower layers have. */
function addWhiteout(u: Union, parent: Node, name: string): number {
  return removeName(u, parent, name, false, true)
}

/** The whiteout first: then the name is gone at once, and what is left of it comes after. */
function addDotWhiteout(upper: number, name: string): number {
  const fd = openat2(upper, dotWhiteout(name), O_CREAT | O_EXCL | O_WRONLY, 0o700, 0)
  if (fd >= 0) close(fd)
  return fd < 0 && fd !== -E.EEXIST ? fd : 0
}

/**
 * Puts a whiteout in the place of an upper directory that merges or hides a lower one, and
 * returns the name in the work directory under which that one is left, or -errno.
 */
function hideDirectory(u: Union, parent: Node, name: string): number | string {
  const ready = readyForWhiteouts(u, parent)
  if (ready < 0) return ready
  const upper = u.fd(upperOf(parent))
  if (!u.format.writesDotWhiteouts) return u.work.exchangeWhiteout(upper, name)
  const hidden = addDotWhiteout(upper, name)
  if (hidden < 0) return hidden
  const temporary = u.work.temporary()
  const renamed = renameat2(upper, name, u.work.fd, temporary, 0)
  return renamed < 0 ? renamed : temporary
}

/**
 * ovl_clear_empty: an upper directory that holds nothing but whiteouts is exchanged for an
 * empty opaque one with the same attributes, so that rmdir and rename can act on it.
 */
export function clearDirectory(
  u: Union,
  parent: Node,
  name: string,
  node: Node & { dir: Directory },
): number {
  const { upper } = node.dir
  if (upper === null || isEmptyDirectory(upper, u.directoryFds)) return 0
  let error = statx(u.fd(upper), '', AT_EMPTY_PATH, record, 0)
  if (error < 0) return error
  const stat = record.slice()
  const temporary = u.work.temporary()
  error = mkdirat(u.work.fd, temporary, 0o700)
  if (error < 0) return error
  error = copyMetadata(
    u,
    upper.layer,
    { fd: u.fd(upper), name: '' },
    { fd: u.work.fd, name: temporary },
    stat,
  )
  if (error >= 0) error = u.work.makeOpaque(temporary)
  if (error >= 0)
    error = renameat2(u.work.fd, temporary, u.fd(upperOf(parent)), name, RENAME_EXCHANGE)
  u.work.discardDirectory(temporary)
  u.directoryFds.drop(upper)
  return Math.min(error, 0)
}

/**
 * The tables after a name has gone. `pin` is kept when it was the last name, and given back
 * otherwise.
 */
export function forgetName(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  node: Node,
  pin: Pin | null,
): void {
  parent.dir.children.delete(name)
  parent.dir.listing?.remove(name)
  node.removeName(parent, name)
  node.unlinked++
  if (node.nlink > 0) node.nlink--
  dropIndex(u, node)
  if (node.parent === null && node.indexEntry === '' && !isPinned(node))
    keepPin(u, node, pin)
  else dropPin(u, pin)
  if (isPinned(node) && node.file?.opens === 0) u.files.forget(node)
}

/** ovl_cleanup_index: the union has no name of an indexed inode any more. */
function dropIndex(u: Union, node: Node): void {
  if (node.indexEntry === '' || node.nlink !== 0 || u.stack.index === null) return
  if (!isPinned(node))
    keepPin(u, node, pinObject(u, u.stack.index.fd, node.indexEntry, false))
  u.stack.index.remove(node.indexEntry)
  node.indexEntry = ''
}
