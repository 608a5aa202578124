// Attributes of a batch of listed names: one native call for each layer they lie in. What was
// read last stays until the next batch, so that it can be read before it is asked for.
import type { LayerDirectory } from '../layer/layer-directory.js'
import { applyOverride } from '../layer/owner-override.js'
import { statxBatch, xattrPrefixBatch } from '../layer/object-calls.js'
import { STAT_WORDS } from '../sys/stat.js'
import { isDoubtful, isLowermost, mayHaveDormant } from './dormant.js'
import type { Listing } from './listing.js'
import type { Directory } from './node.js'
import type { Union } from './union.js'

export const BATCH = 256
/** The batch's names, each with a NUL behind it, and where each begins. */
export const names = Buffer.alloc(BATCH * 256)
export const starts = new Uint32Array(BATCH)
/** A stat record each; its mask is 0 where there was none to be had. */
export const records = new Uint32Array(BATCH * STAT_WORDS)
/** 1 where attributes of the overlay's must be reckoned with; only for dormant children. */
export const marks = new Uint8Array(BATCH)

/** Which entries of the batch lie in one part, and which of those to ask for attributes. */
const members = new Uint32Array(BATCH)
const doubtful = new Uint32Array(BATCH)
const offsets = new Uint32Array(BATCH)
const partMarks = new Uint8Array(BATCH)
const partRecords = new Uint32Array(BATCH * STAT_WORDS)

/** The batch that the buffers hold, if it is one that cannot change: all of it in lowers. */
let heldListing: Listing | null = null
let heldFirst = 0
let heldCount = 0

/** Fills the buffers with `count` entries (at most BATCH) from index `first` on. */
export function readBatch(
  u: Union,
  dir: Directory,
  listing: Listing,
  first: number,
  count: number,
): void {
  const unchanging = mayHaveDormant(u, dir)
  if (unchanging && listing === heldListing && first === heldFirst && count <= heldCount)
    return
  heldListing = null
  if (u.tree !== null && dir.recorded >= 0 && dir.upper === null && !dir.removed) {
    u.tree.readBatch(dir.recorded, first, count, { records, names, starts, marks })
  } else {
    writeNames(listing, first, count)
    readParts(u, dir, listing, first, count, unchanging)
  }
  if (!unchanging || !u.layersStay) return
  heldListing = listing
  heldFirst = first
  heldCount = count
}

/** The caller changes the records: they are read anew for whoever asks next. */
export function takeBatch(): void {
  heldListing = null
}

/** The names of a batch, and where each begins. */
function writeNames(listing: Listing, first: number, count: number): void {
  names.latin1Write(listing.namesOf(first, count), 0)
  const start = listing.startOf(first)
  for (let k = 0; k < count; k++) starts[k] = listing.startOf(first + k) - start
}

function readParts(
  u: Union,
  dir: Directory,
  listing: Listing,
  first: number,
  count: number,
  marked: boolean,
): void {
  let left = count
  for (let place = 0; left > 0 && place <= dir.lowers.length; place++) {
    const part = place === 0 ? dir.upper : (dir.lowers[place - 1] ?? null)
    let several = 0
    for (let k = 0; k < count; k++)
      if (listing.placeAt(first + k) === place) members[several++] = k
    left -= several
    if (part !== null && several > 0) readPart(u, part, listing, first, several, marked)
  }
}

/** The same for those of one part: the first `count` of `members`. */
function readPart(
  u: Union,
  part: LayerDirectory,
  listing: Listing,
  first: number,
  count: number,
  marked: boolean,
): void {
  for (let m = 0; m < count; m++) offsets[m] = starts[members[m] ?? 0] ?? 0
  const fd = u.fd(part)
  statxBatch(fd, names, offsets, 0, count, partRecords)
  const { override } = part.layer
  for (let m = 0; m < count; m++) {
    const from = m * STAT_WORDS
    const k = members[m] ?? 0
    if (override !== null)
      applyOverride(override, fd, listing.nameAt(first + k), partRecords, from)
    const to = k * STAT_WORDS
    for (let w = 0; w < STAT_WORDS; w++) records[to + w] = partRecords[from + w] ?? 0
    marks[k] = 0
  }
  if (marked && !isLowermost(u, part)) readMarks(u, fd, count)
}

/** Asks only for those of the first `count` of `members` that look as if they had some. */
function readMarks(u: Union, fd: number, count: number): void {
  let several = 0
  for (let m = 0; m < count; m++) {
    const k = members[m] ?? 0
    if (!isDoubtful(records, k * STAT_WORDS)) continue
    offsets[several] = starts[k] ?? 0
    doubtful[several++] = k
  }
  if (several === 0) return
  xattrPrefixBatch(fd, names, offsets, 0, several, u.format.xattrs.prefix, partMarks)
  for (let d = 0; d < several; d++) marks[doubtful[d] ?? 0] = partMarks[d] ?? 1
}
