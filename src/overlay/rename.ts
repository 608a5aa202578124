// rename (ovl_rename): one renameat2 on the upper layer does it. Before it, what moves is copied
// up, a directory that merges is given a redirect, one that does not is made opaque where it
// could begin to, and a whiteout is left behind by the same call where a lower has the old name.
import { E } from '../errno/errno.js'
import type { Request } from '../fuse/request.js'
import { dotWhiteout, isDotName } from '../layer/format.js'
import { setOpaque } from '../layer/opaque.js'
import {
  AT_SYMLINK_NOFOLLOW,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  RENAME_WHITEOUT,
} from '../sys/constants.js'
import { renameat2, statx, unlinkat } from '../sys/inode.js'
import { STAT_WORDS } from '../sys/stat.js'
import { copyUp, copyUpDirectory } from './copy-up.js'
import { setImpure } from './impure.js'
import { listingOf } from './listings.js'
import { hasDirectory, type Directory, type Node } from './node.js'
import { dropPin, type Pin, pinUpper } from './pins.js'
import { mayCreateIn, mayRemove } from './protection.js'
import { redirectFor, setRedirect } from './redirect.js'
import {
  beginNlink,
  clearDirectory,
  forgetName,
  isUpperName,
  lowerPositive,
  readyForWhiteouts,
  removeName,
} from './removal.js'
import { type Union, upperOf } from './union.js'

const NAME_MAX = 255
const record = new Uint32Array(STAT_WORDS)

type DirectoryNode = Node & { dir: Directory }

/** A name of a directory, and what it stands for. */
export interface Place {
  readonly parent: DirectoryNode
  readonly name: string
  readonly node: Node | null
}

/** Renames `from` to `to`. 0, PENDING or -errno. */
export function renameName(
  u: Union,
  req: Request,
  from: Place & { node: Node },
  to: Place,
  flags: number,
): number {
  const refused = mayRename(u, from, to, flags)
  if (refused !== 0) return refused
  if (from.node === to.node) return 0
  const exchange = (flags & RENAME_EXCHANGE) !== 0
  const ready = bringBothUp(u, req, from, to, exchange)
  if (ready !== 0) return ready
  return exchange && to.node !== null
    ? exchangeNames(u, from, { ...to, node: to.node })
    : moveName(u, from, to)
}

/** Everything that can be said before anything is changed. */
function mayRename(
  u: Union,
  from: Place & { node: Node },
  to: Place,
  flags: number,
): number {
  const misused = checkFlags(to, flags)
  if (misused < 0) return misused
  if (!u.isWritable) return -E.EROFS
  if (from.parent.dir.removed || to.parent.dir.removed) return -E.ENOENT
  if (to.name.length > NAME_MAX) return -E.ENAMETOOLONG
  if (u.format.dotWhiteouts && isDotName(to.name)) return -E.EINVAL
  const exchange = (flags & RENAME_EXCHANGE) !== 0
  const refused = mayMove(from, to)
  if (refused < 0) return refused
  // RENAME_WHITEOUT is for the disk below an overlay, not for its users.
  if ((flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) !== 0) return -E.EINVAL
  const unfit = exchange ? 0 : mayReplace(u, from.node, to.node)
  if (unfit < 0) return unfit
  const movable = canMove(u, from.node) && (!exchange || canMove(u, to.node))
  return movable ? 0 : -E.EXDEV
}

function checkFlags(to: Place, flags: number): number {
  if ((flags & RENAME_EXCHANGE) !== 0 && to.node === null) return -E.ENOENT
  return (flags & RENAME_NOREPLACE) !== 0 && to.node !== null ? -E.EEXIST : 0
}

/** Whether one object may take the name of another. */
function mayReplace(u: Union, node: Node, victim: Node | null): number {
  if (victim === null || victim === node) return 0
  if (victim.isDirectory && !node.isDirectory) return -E.EISDIR
  if (!victim.isDirectory && node.isDirectory) return -E.ENOTDIR
  if (!hasDirectory(victim) || listingOf(u, victim).size === 0) return 0
  return isDisksToRefuse(u, victim) ? 0 : -E.ENOTEMPTY
}

/**
 * ovl_rename looks into a directory only where a lower has part in it; the disk refuses to
 * replace what is in the upper alone, in its own words (ENOTEMPTY on ext4, EEXIST on xfs).
 */
function isDisksToRefuse(u: Union, { dir }: DirectoryNode): boolean {
  return !dir.hasLower && !u.format.dotWhiteouts
}

function mayMove(from: Place & { node: Node }, to: Place): number {
  const source = mayRemove(from.parent, from.node)
  if (source < 0) return source
  if (to.node === null || to.node === from.node) return mayCreateIn(to.parent)
  return mayRemove(to.parent, to.node)
}

/** ovl_can_move: without redirects a directory of a lower layer stays where it is. */
function canMove(u: Union, node: Node | null): boolean {
  if (node?.dir?.hasLower !== true) return true
  return u.options.redirectDir === 'on' && u.format.redirects
}

function bringBothUp(
  u: Union,
  req: Request,
  from: Place & { node: Node },
  to: Place,
  exchange: boolean,
): number {
  if (from.node.copying !== null) return u.wait(from.node, req)
  if (to.node !== null && to.node.copying !== null) return u.wait(to.node, req)
  let ready = upAtName(u, req, from.parent, from.name, from.node)
  if (ready !== 0) return ready
  ready = copyUpDirectory(u, to.parent)
  if (ready < 0) return ready
  if (to.node === null) return 0
  ready = exchange
    ? upAtName(u, req, to.parent, to.name, to.node)
    : beginNlink(u, req, to.parent, to.name, to.node)
  return ready
}

/** Copies a node up, and links this name of it where the inode is indexed. */
function upAtName(
  u: Union,
  req: Request,
  parent: DirectoryNode,
  name: string,
  node: Node,
): number {
  const up = node.hasUpper ? 0 : copyUp(u, node, req)
  if (up !== 0) return up
  return node.indexEntry !== '' && !isUpperName(u, parent, name, node)
    ? beginNlink(u, req, parent, name, node)
    : 0
}

function exchangeNames(
  u: Union,
  from: Place & { node: Node },
  to: Place & { node: Node },
): number {
  const same = from.parent === to.parent
  let error = prepareMove(u, from, to.parent, same)
  if (error >= 0) error = prepareMove(u, to, from.parent, same)
  if (error < 0) return error
  error = renameat2(
    u.fd(upperOf(from.parent)),
    from.name,
    u.fd(upperOf(to.parent)),
    to.name,
    RENAME_EXCHANGE,
  )
  if (error < 0) return error
  const { node: first } = from
  const { node: second } = to
  detach(from, first)
  detach(to, second)
  attach(to.parent, to.name, first)
  attach(from.parent, from.name, second)
  return 0
}

function moveName(u: Union, from: Place & { node: Node }, to: Place): number {
  const whiteoutSource = lowerPositive(u, from.parent.dir, from.name, true)
  let pin: Pin | null = null
  if (to.node !== null) {
    pin = pinUpper(u, to.node)
    if (typeof pin === 'number' && pin < 0) return pin
    if (hasDirectory(to.node) && to.node.hasUpper && listingOf(u, to.node).size === 0) {
      const cleared = clearDirectory(u, to.parent, to.name, to.node)
      if (cleared < 0) {
        dropPin(u, pin)
        return cleared
      }
    }
  }
  let error = prepareMove(u, from, to.parent, from.parent === to.parent)
  if (error >= 0) error = renameReal(u, from, to, whiteoutSource)
  if (error < 0) {
    dropPin(u, pin)
    return error
  }
  if (to.node !== null) {
    if (to.node.dir !== null) to.node.dir.removed = true
    if (hasDirectory(to.node)) u.listings.drop(to.node)
    forgetName(u, to.parent, to.name, to.node, pin)
  }
  detach(from, from.node)
  attach(to.parent, to.name, from.node)
  return 0
}

/** Marks that have to be on disk before a node appears under its new parent. */
function prepareMove(
  u: Union,
  what: Place & { node: Node },
  to: DirectoryNode,
  same: boolean,
): number {
  const { node } = what
  if (hasDirectory(node)) {
    if (node.dir.hasLower) {
      const error = setRedirect(u, node, redirectFor(node, what.parent, what.name, same))
      if (error < 0) return error
    } else if (!node.dir.opaque && to.dir.isMerged) {
      const error = setOpaque(u.fd(upperOf(what.parent)), what.name, u.format)
      if (error < 0) return -E.EXDEV
      node.dir.opaque = true
    }
  } else if (node.dataDir !== null && node.hasUpper) {
    const error = setRedirect(
      u,
      node,
      `/${node.dataDir.path()}/${node.dataName}`.replace('//', '/'),
    )
    if (error < 0) return error
  }
  const isOrigin = node.hasOrigin || (node.dir?.hasLower ?? false)
  return isOrigin && !same ? setImpure(u, to) : 0
}

/**
 * The rename itself. The target's name in the upper is absent, a real object, or a whiteout:
 * in the last case source and whiteout change places where the source needs one.
 */
function renameReal(
  u: Union,
  from: Place & { node: Node },
  to: Place,
  whiteoutSource: boolean,
): number {
  if (u.format.dotWhiteouts) return renameDot(u, from, to, whiteoutSource)
  const ready = whiteoutSource ? readyForWhiteouts(u, from.parent) : 0
  if (ready < 0) return ready
  const source = u.fd(upperOf(from.parent))
  const target = u.fd(upperOf(to.parent))
  const overWhiteout =
    to.node === null && statx(target, to.name, AT_SYMLINK_NOFOLLOW, record, 0) === 0
  if (overWhiteout && (whiteoutSource || from.node.isDirectory)) {
    const error = renameat2(source, from.name, target, to.name, RENAME_EXCHANGE)
    if (error < 0 || whiteoutSource) return error
    return unlinkat(source, from.name, 0)
  }
  if (whiteoutSource && u.format.writesXattrWhiteouts) return renameThenHide(u, from, to)
  const flags = whiteoutSource ? RENAME_WHITEOUT : 0
  const error = renameat2(source, from.name, target, to.name, flags)
  if (error !== -E.EINVAL || !whiteoutSource) return error
  return renameThenHide(u, from, to)
}

/**
 * Filesystems without RENAME_WHITEOUT: the whiteout takes the source's place first (one
 * exchange), the source then goes to its new name; the undo puts it back.
 */
function renameThenHide(u: Union, from: Place & { node: Node }, to: Place): number {
  const temporary = u.work.temporary()
  let error = u.work.linkWhiteout(u.work.fd, temporary)
  if (error < 0) return error
  const source = u.fd(upperOf(from.parent))
  error = renameat2(u.work.fd, temporary, source, from.name, RENAME_EXCHANGE)
  if (error < 0) {
    unlinkat(u.work.fd, temporary, 0)
    return error
  }
  error = renameat2(u.work.fd, temporary, u.fd(upperOf(to.parent)), to.name, 0)
  if (error >= 0) return error
  renameat2(u.work.fd, temporary, u.fd(upperOf(from.parent)), from.name, RENAME_EXCHANGE)
  unlinkat(u.work.fd, temporary, 0)
  return error
}

/** `.wh.` files beside the names: the new name's goes, the old name's comes first. */
function renameDot(
  u: Union,
  from: Place & { node: Node },
  to: Place,
  whiteoutSource: boolean,
): number {
  const target = u.fd(upperOf(to.parent))
  const hidden = dotWhiteout(to.name)
  const error = renameat2(u.fd(upperOf(from.parent)), from.name, target, to.name, 0)
  if (error === -E.EEXIST || error === -E.ENOTDIR) {
    // A 0/0 device is in the way of a directory.
    const exchanged = renameat2(
      u.fd(upperOf(from.parent)),
      from.name,
      target,
      to.name,
      RENAME_EXCHANGE,
    )
    if (exchanged < 0) return exchanged
    if (!whiteoutSource) return unlinkat(u.fd(upperOf(from.parent)), from.name, 0)
    return 0
  }
  if (error < 0) return error
  unlinkat(target, hidden, 0)
  return whiteoutSource ? removeName(u, from.parent, from.name, false, true) : 0
}

function detach(from: Place, node: Node): void {
  from.parent.dir.children.delete(from.name)
  from.parent.dir.listing?.remove(from.name)
  node.removeName(from.parent, from.name)
}

/** The tables after a node has come under a name. */
export function attach(parent: DirectoryNode, name: string, node: Node): void {
  node.addName(parent, name)
  parent.dir.children.set(name, node)
  parent.dir.listing?.insert(name, node.type >>> 12, node.inoLow, node.inoHigh)
  const upper = node.dir?.upper
  if (upper !== null && upper !== undefined) {
    upper.parent = upperOf(parent)
    upper.name = name
  }
}
