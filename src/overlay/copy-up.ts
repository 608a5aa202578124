// Copy-up (fs/overlayfs/copy_up.c): the lower object's copy is made in the work directory with
// all that belongs to it and published by one rename, so that a crash leaves the old or the new
// and nothing between. Parents come first; only a regular file's data takes long.
import { E } from '../errno/errno.js'
import { PENDING } from '../fuse/operations.js'
import type { Request } from '../fuse/request.js'
import { isStoredAsFile } from '../layer/owner-override.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import { O_DIRECTORY, O_RDONLY, S_IFLNK, S_IFMT, S_IFREG } from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { readlinkat } from '../layer/object-calls.js'
import { mkdirat, mknodat, symlinkat, unlinkat } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { readLower } from './attributes.js'
import { CopyUp } from './copy-file.js'
import { copyInodeFlags, copyMetadata, setOrigin } from './copy-metadata.js'
import { setImpure } from './impure.js'
import { wakeAll } from './dormant.js'
import { hasDirectory, type Node } from './node.js'
import { keepPin } from './pins.js'
import { notePublished, publishDirectory, publishFile } from './publish.js'
import { type Union, upperOf } from './union.js'

const record = new Uint32Array(STAT_WORDS)
const target = Buffer.alloc(4097)

/**
 * Brings a node into the upper layer, its parents first. Returns 0 when it is there, PENDING
 * when `req` has been parked until it is, or -errno. `limit` bounds the data that is copied: a
 * truncation needs no more than what it keeps.
 */
export function copyUp(u: Union, node: Node, req: Request, limit = Infinity): number {
  if (node.hasUpper && node.dataDir === null) return 0
  return bringUp(u, node, req, limit, false)
}

/** The same for changes of metadata: with metacopy=on a regular file's data stays below. */
export function copyUpMetadata(u: Union, node: Node, req: Request): number {
  if (node.hasUpper) return node.copying === null ? 0 : u.wait(node, req)
  return bringUp(u, node, req, Infinity, u.options.metacopy && u.format.redirects)
}

/** Brings a directory and all its ancestors up. 0 or -errno; never waits. */
export function copyUpDirectory(u: Union, node: Node): number {
  if (node.hasUpper) return 0
  if (!u.isWritable) return -E.EROFS
  const missing: Node[] = []
  for (let at: Node | null = node; at !== null && !at.hasUpper; at = at.parent)
    missing.push(at)
  for (const one of missing.reverse()) {
    const error = copyOneDirectory(u, one)
    if (error < 0) return error
  }
  return 0
}

function bringUp(
  u: Union,
  node: Node,
  req: Request,
  limit: number,
  metadataOnly: boolean,
): number {
  if (node.copying !== null) {
    node.copying.waiting.push(u.channel.park(req))
    return PENDING
  }
  if (!u.isWritable) return -E.EROFS
  if (hasDirectory(node)) return copyUpDirectory(u, node)
  if (node.parent !== null) {
    const error = copyUpDirectory(u, node.parent)
    if (error < 0) return error
  }
  if (node.type !== S_IFREG) return copySpecial(u, node)
  const copy = new CopyUp(u, node)
  const started = copy.start(limit, metadataOnly)
  if (started !== PENDING) return started
  copy.waiting.push(u.channel.park(req))
  return PENDING
}

/** Links, devices, FIFOs, sockets: made at once, since they have no data. */
function copySpecial(u: Union, node: Node): number {
  const lower = node.lowerDir
  if (lower === null) return -E.ESTALE
  let error = readLower(u, lower, node.lowerName, record)
  if (error < 0) return error
  const stat = record.slice()
  const temporary = u.work.temporary()
  error = makeSpecial(u, lower, node.lowerName, stat, temporary)
  if (error < 0) return error
  const to = { fd: u.work.fd, name: temporary }
  const from = { fd: u.fd(lower), name: node.lowerName }
  error = copyMetadata(u, lower.layer, from, to, stat)
  if (error >= 0) error = setOrigin(u, lower, node.lowerName, to, stat)
  if (error >= 0 && node.parent !== null) error = publishFile(u, node, temporary, stat)
  if (error < 0) {
    unlinkat(u.work.fd, temporary, 0)
    return error
  }
  // Somebody has it open: the copy stays under its temporary name until it is forgotten.
  if (node.parent === null) keepPin(u, node, temporary)
  node.hasUpper = true
  node.hasOrigin = true
  u.copyUps.files++
  return 0
}

function makeSpecial(
  u: Union,
  lower: LayerDirectory,
  name: string,
  stat: Uint32Array,
  temporary: string,
): number {
  const mode = stat[ST.mode] ?? 0
  const override = u.upperOverride
  if (override !== null && isStoredAsFile(override, mode))
    return mknodat(u.work.fd, temporary, S_IFREG | 0o600, 0)
  if ((mode & S_IFMT) !== S_IFLNK)
    return mknodat(u.work.fd, temporary, mode & S_IFMT, stat[ST.rdev] ?? 0)
  const length = readlinkat(u.fd(lower), name, target, 0)
  if (length < 0) return length
  return symlinkat(target.latin1Slice(0, length), u.work.fd, temporary)
}

function copyOneDirectory(u: Union, node: Node): number {
  const { dir, parent } = node
  const lower = dir?.lowers[0]
  if (dir === null || lower === undefined || parent === null) return -E.ESTALE
  const lowerParent = lower.parent
  if (lowerParent === null || u.stack.upper === null) return -E.EROFS
  if (hasDirectory(node)) wakeAll(u, node)
  let error = readLower(u, lowerParent, lower.name, record)
  if (error < 0) return error
  const stat = record.slice()
  const temporary = u.work.temporary()
  error = mkdirat(u.work.fd, temporary, 0o700)
  if (error < 0) return error
  const to = { fd: u.work.fd, name: temporary }
  const from = { fd: u.fd(lowerParent), name: lower.name }
  error = copyMetadata(u, lower.layer, from, to, stat)
  if (error >= 0) error = setOrigin(u, lowerParent, lower.name, to, stat)
  if (error >= 0) error = copyDirectoryFlags(u, lower, temporary)
  if (error >= 0) error = setImpure(u, parent)
  if (error >= 0) error = publishDirectory(u, parent, temporary, node.name)
  if (error < 0) {
    u.work.discardDirectory(temporary)
    return error
  }
  dir.upper = new LayerDirectory(u.stack.upper, upperOf(parent), node.name)
  node.hasUpper = true
  node.hasOrigin = true
  notePublished(u, node)
  u.copyUps.directories++
  return 0
}

function copyDirectoryFlags(u: Union, lower: LayerDirectory, temporary: string): number {
  const to = openat2(u.work.fd, temporary, O_RDONLY | O_DIRECTORY, 0, 0)
  if (to < 0) return to === -E.EACCES ? 0 : to
  const error = copyInodeFlags(u.fd(lower), to)
  close(to)
  return error
}
