// Children that the kernel knows from READDIRPLUS and that nobody has asked for: they have a
// nodeid and a count of lookups in their directory's listing, and no node. A walk of a large
// tree then makes a node for each directory only. A child wakes, which means it gets its node
// under the same nodeid, with the first request that names it.
//
// Only a directory without an upper has dormant children: its listing never changes. All of them
// wake before it gets one. And only children that need no second look: nothing redirects them or
// holds their data elsewhere, and directories have one part.
import { LayerDirectory } from '../layer/layer-directory.js'
import { S_IFDIR } from '../sys/constants.js'
import { ST, statType } from '../sys/stat.js'
import type { Listing } from './listing.js'
import { Directory, Node } from './node.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

/** A listing is kept for its dormant children; with fewer of them it would be much for little. */
const SPARSE = 16

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

/** The node of a dormant child, which from now on has one. */
export function wake(u: Union, parent: DirectoryNode, i: number): Node {
  const { listing } = parent.dir
  const part = parent.dir.lowers[(listing?.placeAt(i) ?? 0) - 1]
  if (listing === null || part === undefined) throw new Error('nothing dormant here')
  const name = listing.nameAt(i)
  const node = new Node(listing.typeAt(i) << 12)
  node.addName(parent, name)
  if (node.isDirectory) {
    node.dir = new Directory(null, [new LayerDirectory(part.layer, part, name)])
  } else {
    node.lowerDir = part
    node.lowerName = name
  }
  node.protection = listing.protectionAt(i)
  u.stack.inodeNumbers.assign(node, part.layer, listing.inoLow(i), listing.inoHigh(i))
  node.lookups = listing.lookupsAt(i)
  u.nodes.wake(listing.idAt(i), node)
  parent.dir.children.set(name, node)
  notDormant(u, parent, listing, i)
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
  if (parent.dir.dormant * SPARSE < listing.length) wakeAll(u, parent)
}

function notDormant(u: Union, parent: DirectoryNode, listing: Listing, i: number): void {
  listing.clearDormant(i)
  parent.dir.dormant--
  if (parent.dir.dormant === 0) u.listings.admit(parent, listing.size)
}
