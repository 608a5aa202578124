// READDIR and READDIRPLUS from the merged listing. Offsets are cookies of the names; attributes
// for READDIRPLUS come from one native call for each layer and batch.
import { DirentPacker, direntPlusSize, lookupsOf } from '../fuse/dirents.js'
import type { Reply } from '../fuse/reply.js'
import { ST, STAT_WORDS, statType } from '../sys/stat.js'
import { present, readAttributes } from './attributes.js'
import { countDormant, mayBeDormant, mayHaveDormant } from './dormant.js'
import { forgetNode } from './forget.js'
import {
  BATCH,
  marks,
  names,
  readBatch,
  records,
  starts,
  takeBatch,
} from './listed-attributes.js'
import type { Listing } from './listing.js'
import { DT_DIR, listingOf } from './listings.js'
import { lookupChild } from './lookup.js'
import { simpleNode } from './materialize.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

const record = new Uint32Array(STAT_WORDS)

/** Offsets 1 and 2 follow `.` and `..`. */
const AFTER_DOT = 1
const AFTER_DOTDOT = 2
const SHORTEST = direntPlusSize(1)

/** READDIR: names, types and inode numbers. */
export function readNames(
  u: Union,
  reply: Reply,
  node: DirectoryNode,
  offset: number,
  size: number,
): number {
  const pack = new DirentPacker(reply, size)
  const listing = listingOf(u, node)
  if (offset < AFTER_DOT && pack.fits(1))
    pack.add('.', AFTER_DOT, DT_DIR, node.inoLow, node.inoHigh)
  const above = node.parent ?? node
  if (offset < AFTER_DOTDOT && pack.fits(2))
    pack.add('..', AFTER_DOTDOT, DT_DIR, above.inoLow, above.inoHigh)
  const first = listing.firstAfter(Math.max(offset, AFTER_DOTDOT))
  for (let i = first; i < listing.length; i++) {
    if (listing.isGone(i)) continue
    if (!pack.fits(listing.lengthAt(i))) break
    const name = listing.nameAt(i)
    const child = childOf(u, node, name)
    if (child === null) continue
    pack.add(name, listing.cookieAt(i), child.type >>> 12, child.inoLow, child.inoHigh)
  }
  return 0
}

/** The node of a listed name, known or made for its inode number. */
function childOf(u: Union, node: DirectoryNode, name: string): Node | null {
  const known = u.child(node, name)
  if (known !== undefined) return known
  const found = lookupChild(u, node, name, record)
  return typeof found === 'number' ? null : found
}

/** READDIRPLUS: each entry is a lookup as well, but for those of an answer that becomes an error. */
export function readNamesPlus(
  u: Union,
  reply: Reply,
  node: DirectoryNode,
  offset: number,
  size: number,
): number {
  try {
    return packNamesPlus(u, reply, node, offset, size)
  } catch (error) {
    for (const nodeid of lookupsOf(reply)) forgetNode(u, nodeid, 1)
    throw error
  }
}

function packNamesPlus(
  u: Union,
  reply: Reply,
  node: DirectoryNode,
  offset: number,
  size: number,
): number {
  const pack = new DirentPacker(reply, size)
  const listing = listingOf(u, node)
  let first = offset < AFTER_DOT ? u.ahead.begins(u, reply, node, size) : 0
  if (first > 0) {
    if (first === listing.length) u.ahead.gives(node)
  } else {
    addDots(pack, node, offset)
    first = listing.firstAfter(Math.max(offset, AFTER_DOTDOT))
    if (first === listing.length) u.ahead.ends(node)
  }
  while (first < listing.length) {
    const room = Math.ceil(pack.room / SHORTEST)
    const count = Math.min(BATCH, listing.length - first, room)
    if (count === 0) break
    const next = addBatch(u, pack, node, listing, first, count, false)
    if (next < first + count) break
    first = next
    if (first === listing.length) u.ahead.gives(node)
  }
  return 0
}

/** Adds `.` and `..` where a listing from `offset` on has them. */
function addDots(pack: DirentPacker, node: DirectoryNode, offset: number): void {
  if (offset < AFTER_DOT && pack.fitsPlus(1))
    pack.addBare('.', AFTER_DOT, DT_DIR, node.inoLow, node.inoHigh)
  const above = node.parent ?? node
  if (offset < AFTER_DOTDOT && pack.fitsPlus(2))
    pack.addBare('..', AFTER_DOTDOT, DT_DIR, above.inoLow, above.inoHigh)
}

/**
 * The beginning of an answer: `.`, `..` and those of the first `count` entries that need no node,
 * up to the first that does. Throws FsError.
 * @returns the index of the first entry that is not in it.
 */
export function readDormant(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  listing: Listing,
  count: number,
): number {
  addDots(pack, node, 0)
  return addBatch(u, pack, node, listing, 0, count, true)
}

/**
 * Adds `count` entries from index `first` on, but only up to the first that needs a node where
 * none is to be made.
 * @returns the index of the first entry that is not in the reply, which is full otherwise.
 */
function addBatch(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  listing: Listing,
  first: number,
  count: number,
  dormantOnly: boolean,
): number {
  const dormant = mayHaveDormant(u, node.dir)
  readBatch(u, node.dir, listing, first, count)
  // Numbers are turned into the union's where they lie.
  takeBatch()
  for (let k = 0; k < count; k++) {
    const i = first + k
    if (listing.isGone(i)) continue
    if (!pack.fitsPlus(listing.lengthAt(i))) return i
    if (records[k * STAT_WORDS + ST.mask] === 0) continue
    if (
      dormant &&
      node.dir.listing === listing &&
      addDormant(u, pack, node, listing, i, k)
    )
      continue
    if (dormantOnly) return i
    addEntry(u, pack, node, listing, i, k * STAT_WORDS)
  }
  return first + count
}

/** Adds an entry whose child needs no node yet; false where it has or needs one. */
function addDormant(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  listing: Listing,
  i: number,
  k: number,
): boolean {
  const at = k * STAT_WORDS
  const part = node.dir.lowers[listing.placeAt(i) - 1]
  if (part === undefined) return false
  if (listing.idAt(i) === 0) {
    const several = listing.isSeveral(i)
    if (!mayBeDormant(u, part, records, at, several, marks[k] !== 0)) return false
    if (node.dir.children.size > 0 && node.dir.children.has(listing.nameAt(i)))
      return false
  }
  const id = countDormant(u, node, listing, i, records, at)
  u.stack.inodeNumbers.show(part.layer, records, at)
  pack.addPlusFrom(
    names,
    starts[k] ?? 0,
    listing.lengthAt(i),
    listing.cookieLow(i),
    listing.cookieHigh(i),
    statType(records, at) >>> 12,
    id,
    u.nodes.generationOf(id),
    u.kept,
    records,
    at,
  )
  return true
}

function addEntry(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  listing: Listing,
  i: number,
  at: number,
): void {
  for (let k = 0; k < STAT_WORDS; k++) record[k] = records[at + k] ?? 0
  const name = listing.nameAt(i)
  const child = plusChild(u, node, name, listing.placeAt(i))
  if (child === null) return
  u.admitChild(node, name, child)
  pack.addPlus(
    name,
    listing.cookieAt(i),
    child.type >>> 12,
    child.id,
    child.generation,
    u.kept,
    u.attrValidity(child),
    record,
  )
}

/** The node of an entry whose attributes are in `record`, which then shows the union's. */
function plusChild(
  u: Union,
  node: DirectoryNode,
  name: string,
  place: number,
): Node | null {
  const known = u.child(node, name)
  if (known !== undefined) {
    return readAttributes(u, known, record) === 0 ? known : null
  }
  const simple = node.dir.recorded < 0 ? simpleNode(u, node, name, place, record) : null
  const child = simple ?? lookupChild(u, node, name, record)
  if (child === null || typeof child === 'number') return null
  present(u, child, record)
  return child
}
