// READDIR and READDIRPLUS from the merged listing. Offsets are cookies of the names; attributes
// for READDIRPLUS come from one native call for each layer and batch.
import { DirentPacker, direntPlusSize } from '../fuse/dirents.js'
import type { Reply } from '../fuse/reply.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import { applyOverride } from '../layer/owner-override.js'
import { statxBatch } from '../sys/inode.js'
import { ST, STAT_WORDS, statType } from '../sys/stat.js'
import { present, readAttributes } from './attributes.js'
import { countDormant, dormantPart, mayBeDormant } from './dormant.js'
import type { Listing } from './listing.js'
import { DT_DIR, listingOf } from './listings.js'
import { lookupChild } from './lookup.js'
import { simpleNode } from './materialize.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

const BATCH = 256
const names = Buffer.alloc(BATCH * 256)
const offsets = new Uint32Array(BATCH)
const members = new Uint32Array(BATCH)
const batchRecords = new Uint32Array(BATCH * STAT_WORDS)
const records = new Uint32Array(BATCH * STAT_WORDS)
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

/** READDIRPLUS: each entry is a lookup as well. */
export function readNamesPlus(
  u: Union,
  reply: Reply,
  node: DirectoryNode,
  offset: number,
  size: number,
): number {
  const pack = new DirentPacker(reply, size)
  const listing = listingOf(u, node)
  if (offset < AFTER_DOT && pack.fitsPlus(1))
    pack.addBare('.', AFTER_DOT, DT_DIR, node.inoLow, node.inoHigh)
  const above = node.parent ?? node
  if (offset < AFTER_DOTDOT && pack.fitsPlus(2))
    pack.addBare('..', AFTER_DOTDOT, DT_DIR, above.inoLow, above.inoHigh)
  let first = listing.firstAfter(Math.max(offset, AFTER_DOTDOT))
  while (first < listing.length) {
    const room = Math.ceil(pack.room / SHORTEST)
    const count = Math.min(BATCH, listing.length - first, room)
    if (count === 0 || !addBatch(u, pack, node, listing, first, count)) break
    first += count
  }
  return 0
}

/** Adds `count` entries from index `first` on; false when the reply is full. */
function addBatch(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  listing: Listing,
  first: number,
  count: number,
): boolean {
  const part = dormantPart(u, node.dir)
  if (part !== null) readPart(u, part, listing, first, count)
  else readParts(u, node.dir, listing, first, count)
  for (let k = 0; k < count; k++) {
    const i = first + k
    if (listing.isGone(i)) continue
    if (!pack.fitsPlus(listing.lengthAt(i))) return false
    if (records[k * STAT_WORDS + ST.mask] === 0) continue
    if (part !== null && addDormant(u, pack, node, part, listing, i, k)) continue
    addEntry(u, pack, node, listing, i, k * STAT_WORDS)
  }
  return true
}

/** Attributes of a batch of which all lie in one part. */
function readPart(
  u: Union,
  part: LayerDirectory,
  listing: Listing,
  first: number,
  count: number,
): void {
  writeNames(listing, first, count)
  statxBatch(u.fd(part), names, offsets, 0, count, records)
}

/** The names of a batch, and where each begins. */
function writeNames(listing: Listing, first: number, count: number): void {
  names.latin1Write(listing.namesOf(first, count), 0)
  const start = listing.startOf(first)
  for (let k = 0; k < count; k++) offsets[k] = listing.startOf(first + k) - start
}

/** Attributes of a batch, part by part. */
function readParts(
  u: Union,
  dir: Directory,
  listing: Listing,
  first: number,
  count: number,
): void {
  const places = new Set<number>()
  for (let k = 0; k < count; k++) places.add(listing.placeAt(first + k))
  for (const place of places) {
    const part = place === 0 ? dir.upper : (dir.lowers[place - 1] ?? null)
    if (part === null) continue
    writeNames(listing, first, count)
    let several = 0
    for (let k = 0; k < count; k++) {
      if (listing.placeAt(first + k) !== place) continue
      offsets[several] = offsets[k] ?? 0
      members[several++] = k
    }
    const fd = u.fd(part)
    statxBatch(fd, names, offsets, 0, several, batchRecords)
    const { override } = part.layer
    for (let m = 0; m < several; m++) {
      const from = m * STAT_WORDS
      const k = members[m] ?? 0
      if (override !== null)
        applyOverride(override, fd, listing.nameAt(first + k), batchRecords, from)
      records.set(batchRecords.subarray(from, from + STAT_WORDS), k * STAT_WORDS)
    }
  }
}

/** Adds an entry whose child needs no node yet; false where it has or needs one. */
function addDormant(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  part: LayerDirectory,
  listing: Listing,
  i: number,
  k: number,
): boolean {
  const at = k * STAT_WORDS
  if (listing.idAt(i) === 0) {
    if (!mayBeDormant(records, at)) return false
    if (node.dir.children.size > 0 && node.dir.children.has(listing.nameAt(i)))
      return false
  }
  const id = countDormant(u, node, listing, i, records, at)
  u.stack.inodeNumbers.show(part.layer, records, at)
  pack.addPlusFrom(
    names,
    offsets[k] ?? 0,
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
  const simple = simpleNode(u, node, name, place, record)
  const child = simple ?? lookupChild(u, node, name, record)
  if (child === null || typeof child === 'number') return null
  present(u, child, record)
  return child
}
