// Upper directories that hold copied-up or moved objects are marked `impure`, so that readers
// of the directory know that inode numbers have to be looked up (ovl_set_impure).
import { E } from '../errno/errno.js'
import { setxattrat } from '../sys/xattr.js'
import type { Node } from './node.js'
import { type Union, upperOf } from './union.js'

const YES = Buffer.from('y')

/** Marks a directory that is in the upper. 0 or -errno. */
export function setImpure(u: Union, parent: Node): number {
  if (!u.format.redirects || parent.dir === null || parent.dir.impure) return 0
  const error = setxattrat(u.fd(upperOf(parent)), '', u.format.xattrs.impure, YES, 0)
  if (error < 0 && error !== -E.EOPNOTSUPP) return error
  parent.dir.impure = true
  return 0
}
