// Attributes as the union shows them: the topmost object's, with the union's inode number, link
// count and owners (ovl_getattr).
import type { LayerDirectory } from '../layer/layer-directory.js'
import { applyOverride } from '../layer/owner-override.js'
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { statx } from '../layer/object-calls.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { DT_DIR, listingOf } from './listings.js'
import { locate } from './locate.js'
import { hasDirectory, type Directory, type Node } from './node.js'
import type { Union } from './union.js'

const dataRecord = new Uint32Array(STAT_WORDS)

/** Fills `record` with the topmost object's own attributes. Returns 0 or -errno. */
export function readRecord(u: Union, node: Node, record: Uint32Array): number {
  if (u.tree !== null && node.recorded >= 0 && !node.hasUpper) {
    u.tree.readRecord(node.recorded, record, 0)
    return 0
  }
  const at = locate(u, node)
  const flags = at.name === '' ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW
  const error = statx(at.fd, at.name, flags, record, 0)
  const override = topOverride(u, node)
  if (error === 0 && override !== null) applyOverride(override, at.fd, at.name, record)
  return error
}

/** Fills `record` with a lower object's attributes. Returns 0 or -errno. */
export function readLower(
  u: Union,
  directory: LayerDirectory,
  name: string,
  record: Uint32Array,
): number {
  const fd = u.fd(directory)
  const error = statx(fd, name, AT_SYMLINK_NOFOLLOW, record, 0)
  const { override } = directory.layer
  if (error === 0 && override !== null) applyOverride(override, fd, name, record)
  return error
}

/** The attribute that owners are kept in on the layer of a node's topmost object, or null. */
export function topOverride(u: Union, node: Node): string | null {
  if (node.hasUpper) return u.upperOverride
  return (node.dir?.lowers[0] ?? node.lowerDir)?.layer.override ?? null
}

/** Fills `record` with a node's attributes. Returns 0 or -errno. */
export function readAttributes(u: Union, node: Node, record: Uint32Array): number {
  const error = readRecord(u, node, record)
  if (error < 0) return error
  present(u, node, record)
  return 0
}

/** Turns the topmost object's record into what the union shows. */
export function present(u: Union, node: Node, record: Uint32Array): void {
  record[ST.ino] = node.inoLow
  record[ST.ino + 1] = node.inoHigh
  if (node.dir !== null) {
    record[ST.nlink] = directoryNlink(u, node, node.dir, record[ST.nlink] ?? 2)
  } else if (node.nlink >= 0) {
    record[ST.nlink] = node.nlink
  } else if (node.parked !== '') {
    record[ST.nlink] = Math.max((record[ST.nlink] ?? 1) - 1, 0)
  } else if (!node.hasUpper && node.unlinked > 0) {
    record[ST.nlink] = Math.max((record[ST.nlink] ?? 1) - node.unlinked, 0)
  }
  if (node.dataDir !== null) showDataBlocks(u, node, record)
  u.ids.show(record)
}

/** A merged directory reports 1: counting would cost a listing (ovl_getattr's comment). */
function directoryNlink(u: Union, node: Node, dir: Directory, real: number): number {
  if (dir.removed) return 0
  if (!dir.isMerged) return real
  if (u.options.staticNlink) return 1
  let count = 2
  if (!hasDirectory(node)) return count
  const listing = listingOf(u, node)
  for (const i of listing) if (listing.typeAt(i) === DT_DIR) count++
  return count
}

/** A metacopy's blocks are those of the file that holds its data. */
function showDataBlocks(u: Union, node: Node, record: Uint32Array): void {
  if (node.dataDir === null) return
  const fd = u.fd(node.dataDir)
  if (statx(fd, node.dataName, AT_SYMLINK_NOFOLLOW, dataRecord, 0) < 0) return
  record[ST.blocks] = dataRecord[ST.blocks] ?? 0
  record[ST.blocks + 1] = dataRecord[ST.blocks + 1] ?? 0
}
