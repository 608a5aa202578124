// Children that the kernel knows from READDIRPLUS and that nobody has asked for: they have a
// nodeid and a count of lookups in their directory's listing, and no node. A walk of a large
// tree then makes a node for each directory only. A child wakes, which means it gets its node
// under the same nodeid, with the first request that names it.
//
// Only a directory without an upper has dormant children: its listing never changes. All of them
// wake before it gets one. And only children whose attributes are those of their topmost object:
// nothing redirects them, and directories have one part. Whether a file's data lies elsewhere is
// asked when it wakes, unless it looks so from the beginning.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import { log } from '../log/log.js'
import { S_IFDIR, S_IFREG } from '../sys/constants.js'
import { ST, STAT_WORDS, statNumber, statType } from '../sys/stat.js'
import type { Listing } from './listing.js'
import { lookupChild } from './lookup.js'
import { presentXattrs } from './materialize.js'
import { Directory, Node } from './node.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

/** A listing is kept for its dormant children; with fewer of them it would be much for little. */
const SPARSE = 16
const SECTOR = 512

const record = new Uint32Array(STAT_WORDS)

/** Whether children of a directory may be dormant, if the parts they lie in allow it. */
export function mayHaveDormant(u: Union, dir: Directory): boolean {
  return dir.upper === null && !dir.removed && u.ids.isIdentity
}

/**
 * Whether a child with these attributes may be dormant: not one of several hard links, nor a
 * directory that others may merge with. `marked`: it has attributes of the overlay's.
 */
export function mayBeDormant(
  u: Union,
  part: LayerDirectory,
  record: Uint32Array,
  at: number,
  several: boolean,
  marked: boolean,
): boolean {
  if (part.layer.override !== null) return false
  // In the lowermost layer there is nothing that such attributes could lead to.
  if (marked && !isLowermost(u, part)) return false
  return statType(record, at) === S_IFDIR ? !several : (record[at + ST.nlink] ?? 0) < 2
}

/**
 * Whether an object may have attributes that must be known before it is shown: a directory may
 * be redirected, and a file of which less is on the disk than its size may be a metacopy
 * (ovl_set_size gives one its size, and nobody its blocks).
 */
export function isDoubtful(record: Uint32Array, at: number): boolean {
  const type = statType(record, at)
  if (type !== S_IFREG) return type === S_IFDIR
  return statNumber(record, ST.blocks, at) * SECTOR < statNumber(record, ST.size, at)
}

/** Whether nothing lies below a part's layer. */
export function isLowermost(u: Union, part: LayerDirectory): boolean {
  return part.layer.index === u.rootLowers.length
}

/** Counts a lookup of a listed child without a node; returns its nodeid. */
export function countDormant(
  u: Union,
  parent: DirectoryNode,
  listing: Listing,
  i: number,
  record: Uint32Array,
  at: number,
): number {
  let id = listing.idAt(i)
  if (id === 0) {
    id = u.nodes.admitDormant(parent, i)
    listing.setDormant(i, id, record, at)
    if (parent.dir.dormant++ === 0) u.listings.pin(parent)
  }
  listing.setLookups(i, listing.lookupsAt(i) + 1)
  return id
}

/** The node of a dormant child, which from now on has one. Throws FsError. */
export function wake(u: Union, parent: DirectoryNode, i: number): Node {
  const { listing } = parent.dir
  const part = parent.dir.lowers[(listing?.placeAt(i) ?? 0) - 1]
  if (listing === null || part === undefined) throw new Error('nothing dormant here')
  const name = listing.nameAt(i)
  // What is recorded and may be dormant has no such attributes.
  const isRecorded = u.tree !== null && parent.dir.recorded >= 0
  const node =
    !isRecorded && isMarkedFile(u, part, name, listing.typeAt(i))
      ? lookedUp(u, parent, name)
      : simple(u, parent, part, listing, i)
  node.lookups = listing.lookupsAt(i)
  u.nodes.wake(listing.idAt(i), node)
  parent.dir.children.set(name, node)
  notDormant(u, parent, listing, i)
  return node
}

function isMarkedFile(
  u: Union,
  part: LayerDirectory,
  name: string,
  type: number,
): boolean {
  if (type << 12 !== S_IFREG || isLowermost(u, part)) return false
  return !presentXattrs(u, u.fd(part), name).none
}

function lookedUp(u: Union, parent: DirectoryNode, name: string): Node {
  const node = lookupChild(u, parent, name, record)
  if (node === null) throw new FsError(E.ESTALE, 'lookup', name)
  if (typeof node === 'number') throw new FsError(node, 'lookup', name)
  return node
}

function simple(
  u: Union,
  parent: DirectoryNode,
  part: LayerDirectory,
  listing: Listing,
  i: number,
): Node {
  const name = listing.nameAt(i)
  const node = new Node(listing.typeAt(i) << 12)
  node.addName(parent, name)
  if (node.isDirectory) {
    node.dir = new Directory(null, [new LayerDirectory(part.layer, part, name)])
  } else {
    node.lowerDir = part
    node.lowerName = name
  }
  if (u.tree !== null && parent.dir.recorded >= 0) {
    node.recorded = u.tree.firstEntry(parent.dir.recorded) + i
    if (node.dir !== null) node.dir.recorded = u.tree.directoryOf(node.recorded)
  }
  node.protection = listing.protectionAt(i)
  u.stack.inodeNumbers.assign(node, part.layer, listing.inoLow(i), listing.inoHigh(i))
  return node
}

/** The dormant child of a name, awake now; undefined where there is none. */
export function wakeNamed(
  u: Union,
  parent: DirectoryNode,
  name: string,
): Node | undefined {
  if (parent.dir.dormant === 0) return undefined
  const i = parent.dir.listing?.indexOf(name) ?? -1
  if (i < 0 || parent.dir.listing?.idAt(i) === 0) return undefined
  return wake(u, parent, i)
}

export function wakeAll(u: Union, parent: DirectoryNode): void {
  const { listing } = parent.dir
  if (listing === null) return
  for (let i = 0; parent.dir.dormant > 0 && i < listing.length; i++)
    if (listing.idAt(i) !== 0) wake(u, parent, i)
}

/** FORGET of a dormant child. */
export function forgetDormant(
  u: Union,
  parent: DirectoryNode,
  i: number,
  count: number,
): void {
  const { listing } = parent.dir
  if (listing === null) return
  const lookups = listing.lookupsAt(i) - count
  listing.setLookups(i, Math.max(lookups, 0))
  if (lookups > 0) return
  u.nodes.removeDormant(listing.idAt(i))
  notDormant(u, parent, listing, i)
  if (parent.dir.dormant * SPARSE < listing.length) wakeRest(u, parent)
}

/** Lets a listing go that few children are dormant in. FORGET has no answer: it stays, else. */
function wakeRest(u: Union, parent: DirectoryNode): void {
  try {
    wakeAll(u, parent)
  } catch (error) {
    if (error instanceof FsError) log.debug(`${parent.name}: ${error.message}`)
    else log.error(`${parent.name}: ${String(error)}`, error)
  }
}

function notDormant(u: Union, parent: DirectoryNode, listing: Listing, i: number): void {
  listing.clearDormant(i)
  parent.dir.dormant--
  if (parent.dir.dormant === 0) u.listings.admit(parent, listing.size)
}
