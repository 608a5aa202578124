// One readable line for a request, for -d and for the log of an unexpected error.
import { OP, opcodeName } from './abi/opcodes.js'
import * as S from './abi/structs.js'
import type { Request } from './request.js'

/** Where a request's first name lies in its body, by opcode. */
const nameAt = new Map<number, number>([
  [OP.LOOKUP, 0],
  [OP.SYMLINK, 0],
  [OP.UNLINK, 0],
  [OP.RMDIR, 0],
  [OP.REMOVEXATTR, 0],
  [OP.MKNOD, S.fuse_mknod_in.size],
  [OP.MKDIR, S.fuse_mkdir_in.size],
  [OP.RENAME, S.fuse_rename_in.size],
  [OP.RENAME2, S.fuse_rename2_in.size],
  [OP.LINK, S.fuse_link_in.size],
  [OP.CREATE, S.fuse_create_in.size],
  [OP.GETXATTR, S.fuse_getxattr_in.size],
])

/** `LOOKUP node 1 "etc" uid 0`: what is asked, of whom, by whom. */
export function describe(req: Request): string {
  const at = nameAt.get(req.opcode)
  const name = at === undefined ? '' : ` ${JSON.stringify(req.name(at))}`
  return `${opcodeName(req.opcode)} node ${req.nodeid}${name} uid ${req.uid} pid ${req.pid}`
}
