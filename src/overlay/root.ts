// The root of the union: the roots of all layers, merged (ovl_get_root).
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { AT_EMPTY_PATH } from '../sys/constants.js'
import { statx } from '../layer/object-calls.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { presentXattrs } from './materialize.js'
import { ROOT_DIRECTORY, ROOT_ENTRY } from './merged-tree/merged-tree.js'
import { Directory, Node } from './node.js'
import type { Union } from './union.js'

/** Makes the node that the kernel knows from the start. Throws FsError. */
export function admitRoot(u: Union): void {
  const { upper } = u.stack
  const layer = upper ?? u.stack.lowers[0]
  if (layer === undefined) throw new FsError(E.EINVAL, 'mount', 'no layers')
  const record = new Uint32Array(STAT_WORDS)
  const error = statx(layer.rootFd, '', AT_EMPTY_PATH, record, 0)
  if (error < 0) throw new FsError(error, 'statx', layer.path)
  const node = new Node(record[ST.mode] ?? 0)
  node.hasUpper = upper !== null
  node.dir = new Directory(upper?.root ?? null, u.rootLowers)
  if (upper !== null) node.dir.impure = presentXattrs(u, upper.rootFd, '').has('impure')
  u.stack.inodeNumbers.assign(node, layer, record[ST.ino] ?? 0, record[ST.ino + 1] ?? 0)
  if (u.tree !== null) {
    node.recorded = ROOT_ENTRY
    node.dir.recorded = ROOT_DIRECTORY
  }
  u.nodes.admit(node)
  node.lookups = 1
}
