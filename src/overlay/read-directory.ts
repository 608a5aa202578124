// READDIR and READDIRPLUS from the merged listing. Offsets are cookies of the names; attributes
// for READDIRPLUS come from one native call for each layer and batch.
import { DirentPacker } from '../fuse/dirents.js'
import type { Reply } from '../fuse/reply.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import { applyOverride } from '../layer/owner-override.js'
import { statxBatch } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { present, readAttributes } from './attributes.js'
import type { Entry } from './listing.js'
import { DT_DIR, listingOf } from './listings.js'
import { lookupChild } from './lookup.js'
import { simpleNode } from './materialize.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

const BATCH = 128
const names = Buffer.alloc(BATCH * 256)
const offsets = new Uint32Array(BATCH)
const batchRecords = new Uint32Array(BATCH * STAT_WORDS)
const records = new Uint32Array(BATCH * STAT_WORDS)
const record = new Uint32Array(STAT_WORDS)

/** Offsets 1 and 2 follow `.` and `..`. */
const AFTER_DOT = 1
const AFTER_DOTDOT = 2

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
  for (const entry of listing.after(Math.max(offset, AFTER_DOTDOT))) {
    if (!pack.fits(entry.name.length)) break
    const child = childOf(u, node, entry)
    if (child === null) continue
    pack.add(entry.name, entry.cookie, child.type >>> 12, child.inoLow, child.inoHigh)
  }
  return 0
}

/** The node of a listed name, known or made for its inode number. */
function childOf(u: Union, node: DirectoryNode, entry: Entry): Node | null {
  const known = node.dir.children.get(entry.name)
  if (known !== undefined) return known
  const found = lookupChild(u, node, entry.name, record)
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
  if (offset < AFTER_DOT && pack.fitsPlus(1)) addDot(u, pack, '.', AFTER_DOT, node)
  if (offset < AFTER_DOTDOT && pack.fitsPlus(2))
    addDot(u, pack, '..', AFTER_DOTDOT, node.parent ?? node)
  let batch: Entry[] = []
  for (const entry of listing.after(Math.max(offset, AFTER_DOTDOT))) {
    batch.push(entry)
    if (batch.length < BATCH) continue
    if (!addBatch(u, pack, node, batch)) return 0
    batch = []
  }
  addBatch(u, pack, node, batch)
  return 0
}

function addDot(
  u: Union,
  pack: DirentPacker,
  name: string,
  cookie: number,
  node: Node,
): void {
  if (readAttributes(u, node, record) === 0) pack.addBare(name, cookie, DT_DIR, record)
}

/** Adds a batch; false when the reply is full. */
function addBatch(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  batch: readonly Entry[],
): boolean {
  readBatch(u, node, batch)
  for (let i = 0; i < batch.length; i++) {
    const entry = batch[i]
    if (entry === undefined) break
    if (!pack.fitsPlus(entry.name.length)) return false
    addEntry(u, pack, node, entry, i * STAT_WORDS)
  }
  return true
}

/** Attributes of all entries of a batch, layer by layer. */
function readBatch(u: Union, node: DirectoryNode, batch: readonly Entry[]): void {
  const places = new Set<number>()
  for (const entry of batch) places.add(entry.place)
  for (const place of places) {
    const part = partAt(node.dir, place)
    if (part === null) continue
    const members: number[] = []
    let at = 0
    batch.forEach((entry, i) => {
      if (entry.place !== place) return
      offsets[members.length] = at
      at += names.latin1Write(entry.name, at)
      names[at++] = 0
      members.push(i)
    })
    statxBatch(u.fd(part), names, offsets, 0, members.length, batchRecords)
    const { override } = part.layer
    members.forEach((i, k) => {
      const from = k * STAT_WORDS
      const name = batch[i]?.name
      if (override !== null && name !== undefined)
        applyOverride(override, u.fd(part), name, batchRecords, from)
      records.set(batchRecords.subarray(from, from + STAT_WORDS), i * STAT_WORDS)
    })
  }
}

function partAt(dir: Directory, place: number): LayerDirectory | null {
  return place === 0 ? dir.upper : (dir.lowers[place - 1] ?? null)
}

function addEntry(
  u: Union,
  pack: DirentPacker,
  node: DirectoryNode,
  entry: Entry,
  at: number,
): void {
  if (records[at + ST.mask] === 0) return
  for (let k = 0; k < STAT_WORDS; k++) record[k] = records[at + k] ?? 0
  const child = plusChild(u, node, entry)
  if (child === null) return
  u.admitChild(node, entry.name, child)
  pack.addPlus(
    entry.name,
    entry.cookie,
    child.type >>> 12,
    child.id,
    child.generation,
    u.forever,
    u.attrValidity(child),
    record,
  )
}

/** The node of an entry whose attributes are in `record`, which then shows the union's. */
function plusChild(u: Union, node: DirectoryNode, entry: Entry): Node | null {
  const known = node.dir.children.get(entry.name)
  if (known !== undefined) {
    return readAttributes(u, known, record) === 0 ? known : null
  }
  const simple = simpleNode(u, node, entry, record)
  const child = simple ?? lookupChild(u, node, entry.name, record)
  if (child === null || typeof child === 'number') return null
  present(u, child, record)
  return child
}
