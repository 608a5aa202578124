// Nodes from what a lookup found: which inode a name stands for, its number, its other names
// (ovl_get_inode). Hard links that are known under one identity are one node.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import {
  checkHandle,
  handleUuid,
  inodeOfHandle,
  openHandle,
} from '../layer/file-handle.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import type { Layer } from '../layer/layer.js'
import { PresentXattrs } from '../layer/overlay-xattrs.js'
import { decodePathOrigin } from '../layer/path-origin.js'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
  S_IFDIR,
} from '../sys/constants.js'
import { close, getxattrat, listxattrat, openat2, statx } from '../layer/object-calls.js'
import { ST, STAT_WORDS, statType } from '../sys/stat.js'
import { readRecord } from './attributes.js'
import { readNlink } from './nlink.js'
import { Directory, Node } from './node.js'
import { unpin } from './pins.js'
import { FS_PROTECTED_FL, loadProtection } from './protection.js'
import type { Union } from './union.js'

const scratch = new Uint32Array(STAT_WORDS)
const indexRecord = new Uint32Array(STAT_WORDS)
const list = Buffer.alloc(65_536)
const handleBuffer = Buffer.alloc(256)
const pathBuffer = Buffer.alloc(4097)

export interface LowerObject {
  readonly parent: LayerDirectory
  readonly name: string
}

/** What the layers say of a name, before it is a node. */
export class Found {
  /** The upper directory's child exists. */
  upper = false
  upperPresent: PresentXattrs | null = null
  opaque = false
  redirect: string | null = null
  metacopy = false
  /** Lower objects, topmost first: directories that merge, or one file (its data last). */
  lowers: LowerObject[] = []
  /** The entry of the topmost lower in the union's merged tree, -1 without one. */
  recorded = -1

  reset(): void {
    this.recorded = -1
    this.upper = false
    this.upperPresent = null
    this.opaque = false
    this.redirect = null
    this.metacopy = false
    if (this.lowers.length > 0) this.lowers = []
  }
}

/** The node that was found under a name, new or known. -errno on failure. */
export function materialize(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  found: Found,
  record: Uint32Array,
): Node | number {
  if (statType(record) === S_IFDIR) return directoryNode(u, parent, name, found, record)
  const key = linkKey(u, found, record)
  const known = key === '' ? undefined : u.nodes.links.get(key)
  if (known !== undefined) {
    adopt(u, known, parent, name)
    // The record is of the same inode.
    if (!known.hasUpper) return known
    const error = readRecord(u, known, record)
    return error < 0 ? error : known
  }
  const node = new Node(record[ST.mode] ?? 0)
  node.linkKey = key
  node.addName(parent, name)
  node.hasUpper = found.upper
  node.protection = protectionOf(record)
  const lower = found.lowers[0]
  if (lower !== undefined && !found.upper) {
    node.lowerDir = lower.parent
    node.lowerName = lower.name
    node.recorded = found.recorded
  }
  if (found.metacopy) {
    const data = found.lowers.at(-1)
    if (data === undefined) return -E.EIO
    node.dataDir = data.parent
    node.dataName = data.name
  }
  if (!found.upper && lower !== undefined) applyIndex(u, node, lower, record)
  numberFile(u, node, found, record)
  if (node.hasUpper) loadUpper(u, node, found, record)
  return node
}

/** A nameless node (its last known name was removed) is reached by a name again. */
function adopt(u: Union, node: Node, parent: Node, name: string): void {
  node.addName(parent, name)
  if (node.hasUpper) unpin(u, node)
}

function directoryNode(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  found: Found,
  record: Uint32Array,
): Node {
  const node = new Node(record[ST.mode] ?? 0)
  node.addName(parent, name)
  node.hasUpper = found.upper
  const upper =
    found.upper && parent.dir.upper !== null && u.stack.upper !== null
      ? new LayerDirectory(u.stack.upper, parent.dir.upper, name)
      : null
  const lowers = found.lowers.map(
    l => new LayerDirectory(l.parent.layer, l.parent, l.name),
  )
  node.dir = new Directory(upper, lowers)
  if (u.tree !== null && found.recorded >= 0) {
    node.recorded = found.recorded
    node.dir.recorded = u.tree.directoryOf(found.recorded)
  }
  node.protection = protectionOf(record)
  node.dir.redirect = found.redirect
  node.dir.opaque = found.opaque
  node.dir.impure = found.upperPresent?.has('impure') ?? false
  node.hasOrigin = found.upperPresent?.has('origin') ?? false
  numberDirectory(u, node, found, record)
  if (node.hasUpper && found.upperPresent?.has('protattr') === true)
    loadProtection(u, node)
  return node
}

/** ovl_getattr: a merged or copied-up directory has the number of its topmost lower. */
function numberDirectory(u: Union, node: Node, found: Found, record: Uint32Array): void {
  const numbers = u.stack.inodeNumbers
  const lower = found.lowers[0]
  if (!found.upper) {
    numbers.assign(node, layerOf(lower), record[ST.ino] ?? 0, record[ST.ino + 1] ?? 0)
    return
  }
  if (lower !== undefined) {
    const error = statx(u.fd(lower.parent), lower.name, AT_SYMLINK_NOFOLLOW, scratch, 0)
    if (error < 0) throw new FsError(error, 'statx', lower.name)
    numbers.assign(
      node,
      lower.parent.layer,
      scratch[ST.ino] ?? 0,
      scratch[ST.ino + 1] ?? 0,
    )
    return
  }
  numbers.assign(node, upperLayer(u), record[ST.ino] ?? 0, record[ST.ino + 1] ?? 0)
}

function numberFile(u: Union, node: Node, found: Found, record: Uint32Array): void {
  const numbers = u.stack.inodeNumbers
  const low = record[ST.ino] ?? 0
  const high = record[ST.ino + 1] ?? 0
  if (!found.upper) {
    // An indexed lower keeps the lower's number, whatever record the index entry gave.
    if (!node.hasUpper) numbers.assign(node, layerOf(found.lowers[0]), low, high)
    return
  }
  numbers.assign(node, upperLayer(u), low, high)
  if (found.upperPresent?.has('origin') !== true) return
  node.hasOrigin = true
  const layer = openOrigin(u, node, scratch)
  if (layer === null || statType(scratch) !== node.type) return
  if ((scratch[ST.nlink] ?? 0) > 1 && u.stack.index === null) return
  numbers.assign(node, layer, scratch[ST.ino] ?? 0, scratch[ST.ino + 1] ?? 0)
}

/** ovl_check_origin: the lower inode an upper object was copied from; null when unknown. */
function openOrigin(u: Union, node: Node, record: Uint32Array): Layer | null {
  const upper = node.parent?.dir?.upper ?? null
  if (upper === null) return null
  const fd = u.fd(upper)
  const attribute = u.format.xattrs.handleOrigin
  const length = getxattrat(fd, node.name, attribute, handleBuffer)
  const handle = handleBuffer.subarray(0, Math.max(length, 0))
  if (length > 0 && checkHandle(handle) === 0)
    return followHandle(u, node, handle, record)
  return u.format.pathOrigins ? followPath(u, fd, node, record) : null
}

function followHandle(
  u: Union,
  node: Node,
  handle: Uint8Array,
  record: Uint32Array,
): Layer | null {
  const uuid = handleUuid(handle)
  for (const layer of u.stack.lowers) {
    if (!layer.hasHandles || !layer.hasUuid(uuid)) continue
    const origin = openHandle(layer.rootFd, handle)
    if (origin === -E.EPERM && guessOrigin(handle, node, record)) return layer
    if (origin < 0) continue
    const error = statx(origin, '', AT_EMPTY_PATH, record, 0)
    close(origin)
    return error < 0 ? null : layer
  }
  return null
}

/**
 * fuse-overlayfs's own origin: the topmost lower that has the path. It gives up where the first
 * lower has it not, and the number then changes with the next mount; we look on.
 */
function followPath(
  u: Union,
  upper: number,
  node: Node,
  record: Uint32Array,
): Layer | null {
  const length = getxattrat(upper, node.name, u.format.xattrs.origin, pathBuffer)
  const path = length > 0 ? decodePathOrigin(pathBuffer.subarray(0, length)) : null
  if (path === null) return null
  const resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
  for (const layer of u.stack.lowers) {
    const fd = openat2(layer.rootFd, path, O_PATH | O_NOFOLLOW, 0, resolve)
    if (fd < 0) continue
    const error = statx(fd, '', AT_EMPTY_PATH, record, 0)
    close(fd)
    return error < 0 ? null : layer
  }
  return null
}

/** The number of an origin that we may not open: what its handle says. */
function guessOrigin(handle: Uint8Array, node: Node, record: Uint32Array): boolean {
  const inode = inodeOfHandle(handle)
  if (inode === null) return false
  record[ST.ino] = inode[0]
  record[ST.ino + 1] = inode[1]
  record[ST.mode] = node.type
  record[ST.nlink] = 1
  return true
}

/**
 * ovl_hash_bylower and ovl_hash_byupper: the identity under which a hard link is known, '' for
 * inodes with one name, and for those whose names part on copy-up (index=off). The one name an
 * upper inode has left may lead to a node whose other names were removed while it was open.
 */
function linkKey(u: Union, found: Found, record: Uint32Array): string {
  const isLast = (record[ST.nlink] ?? 0) < 2
  if (isLast && (!found.upper || u.nodes.links.size === 0)) return ''
  const ino = `${record[ST.ino + 1] ?? 0}:${record[ST.ino] ?? 0}`
  const upperKey = `upper:${ino}`
  if (isLast) return u.nodes.links.has(upperKey) ? upperKey : ''
  return found.upper ? upperKey : lowerKey(u, found.lowers[0], ino)
}

function lowerKey(u: Union, lower: LowerObject | undefined, ino: string): string {
  const { index } = u.stack
  if (lower === undefined || (u.isWritable && index === null)) return ''
  if (index !== null) {
    const entry = index.entryOf(lower.parent, lower.name)
    if (typeof entry === 'number') return ''
    if (index.lookup(entry, scratch) === 0)
      return `upper:${scratch[ST.ino + 1] ?? 0}:${scratch[ST.ino] ?? 0}`
  }
  return `${lower.parent.layer.fsid}:${ino}`
}

/** A lower hard link whose other name was copied up: the upper inode is in the index. */
function applyIndex(u: Union, node: Node, lower: LowerObject, record: Uint32Array): void {
  const index = u.stack.index
  if (index === null || (record[ST.nlink] ?? 0) < 2) return
  const entry = index.entryOf(lower.parent, lower.name)
  if (typeof entry === 'number') return
  u.stack.inodeNumbers.assign(
    node,
    lower.parent.layer,
    record[ST.ino] ?? 0,
    record[ST.ino + 1] ?? 0,
  )
  const lowerNlink = record[ST.nlink] ?? 0
  if (index.lookup(entry, scratch) !== 0) return
  record.set(scratch)
  node.hasUpper = true
  node.hasOrigin = true
  node.indexEntry = entry
  node.nlink = readNlink(
    index.fd,
    entry,
    u.format.xattrs,
    lowerNlink,
    record[ST.nlink] ?? 0,
    record[ST.nlink] ?? 0,
  )
  const present = presentXattrs(u, index.fd, entry)
  node.protection = protectionOf(record)
  if (present.has('protattr')) loadProtection(u, node)
  if (!present.has('metacopy')) return
  node.dataDir = lower.parent
  node.dataName = lower.name
}

/** What an upper file's own attributes say: index, union nlink, protection. */
function loadUpper(u: Union, node: Node, found: Found, record: Uint32Array): void {
  const present = found.upperPresent
  if (present === null || present.none) return
  if (present.has('protattr')) loadProtection(u, node)
  if (present.has('nlink')) loadIndexed(u, node, record)
}

/** An upper file that the index knows: its union nlink. */
function loadIndexed(u: Union, node: Node, record: Uint32Array): void {
  if (u.stack.index === null || node.parent === null) return
  const layer = openOrigin(u, node, scratch)
  const upper = node.parent.dir?.upper ?? null
  if (layer === null || upper === null) return
  const fd = u.fd(upper)
  const entry = u.stack.index.entryOfOrigin(fd, node.name)
  if (entry === null || u.stack.index.lookup(entry, indexRecord) !== 0) return
  if (indexRecord[ST.ino] !== record[ST.ino]) return
  node.indexEntry = entry
  const upperNlink = record[ST.nlink] ?? 0
  const lowerNlink = scratch[ST.nlink] ?? 0
  node.nlink = readNlink(
    fd,
    node.name,
    u.format.xattrs,
    lowerNlink,
    upperNlink,
    upperNlink,
  )
}

function layerOf(lower: { parent: LayerDirectory } | undefined): Layer {
  if (lower === undefined) throw new FsError(E.EIO, 'lookup')
  return lower.parent.layer
}

function upperLayer(u: Union): Layer {
  if (u.stack.upper === null) throw new FsError(E.EIO, 'lookup')
  return u.stack.upper
}

/**
 * The node of a listed name whose topmost object, in `record`, needs no second look: a lower
 * file with one name that cannot be a metacopy, or a directory of the lowermost layer. null for
 * everything else.
 */
export function simpleNode(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  place: number,
  record: Uint32Array,
): Node | null {
  const lower = place === 0 ? undefined : parent.dir.lowers[place - 1]
  if (lower === undefined || u.format.dotWhiteouts) return null
  if (lower.layer.index !== u.rootLowers.length) return null
  const type = statType(record)
  if (type !== S_IFDIR && (record[ST.nlink] ?? 0) > 1) return null
  const node = new Node(record[ST.mode] ?? 0)
  node.addName(parent, name)
  if (type === S_IFDIR) {
    node.dir = new Directory(null, [new LayerDirectory(lower.layer, lower, name)])
  } else {
    node.lowerDir = lower
    node.lowerName = name
  }
  node.protection = protectionOf(record)
  u.stack.inodeNumbers.assign(
    node,
    lower.layer,
    record[ST.ino] ?? 0,
    record[ST.ino + 1] ?? 0,
  )
  return node
}

/** Flags of the disk's own inode: STATX_ATTR_IMMUTABLE and _APPEND are FS_IOC_GETFLAGS's bits. */
function protectionOf(record: Uint32Array): number {
  return (record[ST.attributes] ?? 0) & FS_PROTECTED_FL
}

/** The overlay's attributes on an object: one listing tells which of them are worth reading. */
export function presentXattrs(u: Union, dirfd: number, name: string): PresentXattrs {
  const length = listxattrat(dirfd, name, list)
  return new PresentXattrs(length > 0 ? list.latin1Slice(0, length) : '', u.format.xattrs)
}
