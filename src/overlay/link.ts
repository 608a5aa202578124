// link (ovl_link): the node is copied up and its upper inode gets the new name, through the
// work directory where a whiteout is in the way.
import { E } from '../errno/errno.js'
import type { Request } from '../fuse/request.js'
import { AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { statx } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { copyUp, copyUpDirectory } from './copy-up.js'
import { mayMake, noteCreated, replaceWhiteout } from './creation.js'
import { setImpure } from './impure.js'
import { locateUpper } from './locate.js'
import { writeNlink } from './nlink.js'
import type { Directory, Node } from './node.js'
import { linkObject, unpin } from './pins.js'
import { mayChange } from './protection.js'
import { setRedirect } from './redirect.js'
import { type Union, upperOf } from './union.js'
import { hasDotWhiteout } from '../layer/whiteout.js'

const record = new Uint32Array(STAT_WORDS)

/** Adds a name to a node. 0, PENDING or -errno. */
export function linkNode(
  u: Union,
  req: Request,
  node: Node,
  parent: Node & { dir: Directory },
  name: string,
): number {
  if (node.isDirectory) return -E.EPERM
  const refused = mayMake(u, parent, name)
  if (refused < 0) return refused
  const frozen = mayChange(node)
  if (frozen < 0) return frozen
  const ready = copyUpDirectory(u, parent)
  if (ready < 0) return ready
  const up = node.hasUpper ? 0 : copyUp(u, node, req)
  if (up !== 0) return up
  if (node.copying !== null) return u.wait(node, req)
  let error = node.hasOrigin ? setImpure(u, parent) : 0
  if (error >= 0 && node.dataDir !== null)
    error = setRedirect(
      u,
      node,
      `/${node.dataDir.path()}/${node.dataName}`.replace('//', '/'),
    )
  if (error >= 0) error = keepNlink(u, node)
  if (error >= 0) error = linkReal(u, node, parent, name)
  if (error < 0) return error
  noteLinked(u, node, parent, name)
  return 0
}

/** ovl_nlink_start: the union's count relative to the upper's, before both grow by one. */
function keepNlink(u: Union, node: Node): number {
  const index = u.stack.index
  if (index === null || node.indexEntry === '') return 0
  index.lookup(node.indexEntry, record)
  const real = record[ST.nlink] ?? 1
  return writeNlink(index.fd, node.indexEntry, u.format.xattrs, 'U', node.nlink, real)
}

function linkReal(u: Union, node: Node, parent: Node, name: string): number {
  const isHidden = hasDotWhiteout(u.fd(upperOf(parent)), name, u.format)
  if (!isHidden) {
    const error = linkTo(u, node, u.fd(upperOf(parent)), name)
    if (error !== -E.EEXIST) return error
  }
  const temporary = u.work.temporary()
  const error = linkTo(u, node, u.work.fd, temporary)
  if (error < 0) return error
  const replaced = replaceWhiteout(u, parent, name, temporary, false)
  if (replaced < 0) u.work.discard(temporary)
  return replaced
}

function linkTo(u: Union, node: Node, dirfd: number, name: string): number {
  const at = locateUpper(u, node)
  return linkObject(at.fd, at.name, dirfd, name)
}

function noteLinked(
  u: Union,
  node: Node,
  parent: Node & { dir: Directory },
  name: string,
): void {
  if (node.nlink >= 0) node.nlink++
  node.addName(parent, name)
  parent.dir.children.set(name, node)
  if (statx(u.fd(upperOf(parent)), name, AT_SYMLINK_NOFOLLOW, record, 0) < 0) return
  noteCreated(parent, name, node, record)
  if (node.linkKey === '') {
    node.linkKey = `upper:${record[ST.ino + 1] ?? 0}:${record[ST.ino] ?? 0}`
    u.nodes.links.set(node.linkKey, node)
  }
  unpin(u, node)
}
