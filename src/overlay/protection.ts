// The append-only and immutable flags of upper objects. Kernel overlayfs keeps them in an
// attribute of its own, `protattr`, so that it can still rename and copy (ovl_set_protattr);
// what the flags forbid is then enforced here, as the VFS does for an inode of a disk.
import { E } from '../errno/errno.js'
import { FALLOC_FL_KEEP_SIZE } from '../sys/constants.js'
import { getxattrat, removexattrat, setxattrat } from '../sys/xattr.js'
import { locate } from './locate.js'
import type { Node } from './node.js'
import type { Union } from './union.js'

export const FS_IMMUTABLE_FL = 0x10
export const FS_APPEND_FL = 0x20
export const FS_PROTECTED_FL = FS_IMMUTABLE_FL | FS_APPEND_FL

const value = Buffer.alloc(32)

/** ovl_check_protattr: reads the stored flags into the node. */
export function loadProtection(u: Union, node: Node): void {
  const at = locate(u, node)
  const length = getxattrat(at.fd, at.name, u.format.xattrs.protattr, value)
  for (const letter of value.latin1Slice(0, Math.max(length, 0))) {
    if (letter === 'i') node.protection |= FS_IMMUTABLE_FL
    else if (letter === 'a') node.protection |= FS_APPEND_FL
    else break
  }
}

/** ovl_set_protattr: stores `flags` on a node that is in the upper. Returns 0 or -errno. */
export function storeProtection(u: Union, node: Node, flags: number): number {
  const wanted = flags & FS_PROTECTED_FL
  if (wanted === node.protection) return 0
  const at = locate(u, node)
  const attribute = u.format.xattrs.protattr
  let result: number
  if (wanted === 0) {
    result = removexattrat(at.fd, at.name, attribute)
    if (result === -E.ENODATA) result = 0
  } else {
    const text =
      ((wanted & FS_APPEND_FL) !== 0 ? 'a' : '') +
      ((wanted & FS_IMMUTABLE_FL) !== 0 ? 'i' : '')
    result = setxattrat(at.fd, at.name, attribute, Buffer.from(text, 'latin1'), 0)
  }
  if (result >= 0) node.protection = wanted
  return Math.min(result, 0)
}

/** May the object's attributes, content or extended attributes be changed? 0 or -EPERM. */
export function mayChange(node: Node): number {
  return (node.protection & FS_PROTECTED_FL) !== 0 ? -E.EPERM : 0
}

/** vfs_fallocate: of an append-only file the space may be made more, and nothing else. */
export function mayAllocate(node: Node, mode: number): number {
  if ((node.protection & FS_IMMUTABLE_FL) !== 0) return -E.EPERM
  const onlyAdds = (mode & ~FALLOC_FL_KEEP_SIZE) === 0
  return (node.protection & FS_APPEND_FL) !== 0 && !onlyAdds ? -E.EPERM : 0
}

/** generic_file_rw_checks: who has it open for writing may not copy into what is immutable. */
export function mayCopyInto(node: Node): number {
  return (node.protection & FS_IMMUTABLE_FL) !== 0 ? -E.EPERM : 0
}

/** May a name be added to a directory? */
export function mayCreateIn(parent: Node): number {
  return (parent.protection & FS_IMMUTABLE_FL) !== 0 ? -E.EPERM : 0
}

/** may_delete: neither the victim nor its directory may be protected. */
export function mayRemove(parent: Node, victim: Node): number {
  return ((parent.protection | victim.protection) & FS_PROTECTED_FL) !== 0 ? -E.EPERM : 0
}
