// Pages that a mapping has changed, written back by the kernel. Storing into a mapping takes no file
// capabilities away on a disk, but a write does, whoever writes (file_remove_privs): they are put back
// before anybody is served again. A write that the pool has begun takes none away: before it the kernel
// has had them removed (fuse_cache_write_iter, file_remove_privs).
import { E } from '../errno/errno.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import { getxattrat } from '../layer/object-calls.js'
import { pwrite } from '../sys/file.js'
import { setxattrat } from '../sys/xattr.js'
import { locateUpper } from './locate.js'
import type { Node } from './node.js'
import type { Union } from './union.js'

const CAPABILITY = 'security.capability'
/** None; or those of another user namespace, which are not to be read (cap_inode_getsecurity). */
const NONE_OF_OURS: readonly number[] = [E.ENODATA, E.EOPNOTSUPP, E.EOVERFLOW]
/** struct vfs_ns_cap_data is 24 bytes. */
const value = Buffer.alloc(64)

/**
 * WRITE of cached pages to a file that has capabilities, done at once.
 * @param at where in the request `size` bytes lie.
 * @returns 0, -errno, or null where the file has none and any write will do.
 */
export function writeBack(
  u: Union,
  req: Request,
  reply: Reply,
  node: Node,
  fd: number,
  offset: number,
  size: number,
  at: number,
): number | null {
  const upper = locateUpper(u, node)
  const length = getxattrat(upper.fd, upper.name, CAPABILITY, value)
  if (NONE_OF_OURS.includes(-length)) return null
  if (length < 0) return length
  const written = pwrite(fd, req.data(at, size), 0, size, offset)
  if (written < 0) return written
  const kept = value.subarray(0, length)
  const error = setxattrat(upper.fd, upper.name, CAPABILITY, kept, 0)
  // Who may give no capabilities cannot keep them: the data is written all the same.
  if (error < 0 && error !== -E.EPERM) return error
  reply.appendWords(written, 0)
  return 0
}
