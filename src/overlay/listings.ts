// Merges the parts of a directory into its listing, keeps what changes keep true, and bounds
// the memory of all listings together (ovl_dir_read_merged).
import { FsError } from '../errno/fs-error.js'
import { hiddenBy, isDotName } from '../layer/format.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import { readRecords } from '../layer/read-directory.js'
import { isDeviceWhiteout, isXattrWhiteout } from '../layer/whiteout.js'
import { AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { statx } from '../layer/object-calls.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { beginListing, Listing } from './listing.js'
import { type Draft, GONE, PLACE_SHIFT, SEVERAL, TYPE_MASK } from './listing-draft.js'
import type { MergedTree } from './merged-tree/merged-tree.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'

export const DT_UNKNOWN = 0
export const DT_CHR = 2
export const DT_DIR = 4
export const DT_REG = 8

const DOT = 0x2e
/** Entries that all listings together may hold before the oldest are dropped. */
const ENTRIES_KEPT = 100_000
/** Lookups times further layers after which one pass over the directory costs less. */
const WORTH_A_PASS = 16

const record = new Uint32Array(STAT_WORDS)

/** Whether a merged directory has been asked often enough to be read once and for all. */
export function wantsListing(dir: Directory): boolean {
  const further = dir.lowers.length + (dir.upper === null ? 0 : 1) - 1
  return further > 0 && dir.lookupsBeforeListing * further > WORTH_A_PASS
}

/** The listing of a directory, built if it is not there. Throws FsError. */
export function listingOf(u: Union, node: Node & { dir: Directory }): Listing {
  const known = node.dir.listing
  if (known === null) return buildListing(u, node)
  u.listings.touch(node)
  return known
}

export function buildListing(u: Union, node: Node & { dir: Directory }): Listing {
  const { dir } = node
  const tree = recordedIn(u, dir)
  const listing =
    tree !== null && dir.upper === null
      ? tree.listing(dir.recorded)
      : mergedListing(u, dir, tree)
  dir.listing = listing
  u.listings.admit(node, listing.size)
  return listing
}

/** The tree that a directory's lower parts are recorded in, null where they are not. */
function recordedIn(u: Union, dir: Directory): MergedTree | null {
  return dir.recorded >= 0 && !dir.removed ? u.tree : null
}

function mergedListing(u: Union, dir: Directory, tree: MergedTree | null): Listing {
  const draft = beginListing(u.seed)
  if (tree !== null) mergeRecorded(u, dir, tree, draft)
  else if (!dir.removed) mergeParts(u, dir, draft)
  return new Listing(u.seed, draft.arrange())
}

/** The upper part over what the lower ones are recorded to show. */
function mergeRecorded(u: Union, dir: Directory, tree: MergedTree, draft: Draft): void {
  const merged: Merged = new Map()
  if (dir.upper !== null) addPart(u, dir.upper, 0, draft, merged, false)
  tree.visit(dir.recorded, (bytes, start, end, kind, inoLow, inoHigh) => {
    const above = merged.get(bytes.latin1Slice(start, end))
    if (above === undefined) draft.add(bytes, start, end, kind, inoLow, inoHigh)
    else if (above >= 0) draft.setKind(above, draft.kindAt(above) | SEVERAL)
  })
}

function mergeParts(u: Union, dir: Directory, draft: Draft): void {
  const parts = dir.lowers.length + (dir.upper === null ? 0 : 1)
  const only = dir.upper ?? dir.lowers[0]
  if (parts === 1 && only !== undefined) {
    addPart(u, only, dir.upper === null ? 1 : 0, draft, null, true)
    return
  }
  // Where a name is in the draft; -1 stands for "hidden from here".
  const merged: Merged = new Map()
  if (dir.upper !== null) addPart(u, dir.upper, 0, draft, merged, dir.lowers.length === 0)
  dir.lowers.forEach((part, i) => {
    addPart(u, part, i + 1, draft, merged, i === dir.lowers.length - 1)
  })
}

type Merged = Map<string, number>

/** Adds one part's names below those of the parts above. */
function addPart(
  u: Union,
  part: LayerDirectory,
  place: number,
  draft: Draft,
  merged: Merged | null,
  isLowest: boolean,
): void {
  const hiddenHere: string[] = []
  const first = draft.count
  const error = readRecords(
    part,
    u.directoryFds,
    (bytes, start, end, type, inoLow, inoHigh) => {
      const kind = type | (place << PLACE_SHIFT)
      if (u.format.dotWhiteouts && bytes[start] === DOT) {
        const name = bytes.latin1Slice(start, end)
        const hidden = hiddenBy(name)
        if (hidden !== null) hiddenHere.push(hidden)
        if (isDotName(name)) return
      }
      if (merged === null) {
        draft.add(bytes, start, end, kind, inoLow, inoHigh)
        return
      }
      const name = bytes.latin1Slice(start, end)
      const above = merged.get(name)
      if (above === undefined)
        merged.set(name, draft.add(bytes, start, end, kind, inoLow, inoHigh))
      else if (above >= 0) draft.setKind(above, draft.kindAt(above) | SEVERAL)
    },
  )
  if (error < 0) throw new FsError(error, 'readdir', part.path())
  const checkXattrs = !isLowest && part.hasXattrWhiteouts(u.directoryFds, u.format)
  for (let i = first; i < draft.count; i++)
    if (isDoubtful(draft.kindAt(i) & TYPE_MASK, checkXattrs))
      judge(u, part, i, draft, merged)
  for (const name of hiddenHere) {
    const index = merged === null ? draft.find(name) : merged.get(name)
    if (
      index !== undefined &&
      (index < 0 || draft.kindAt(index) >>> PLACE_SHIFT !== place)
    )
      continue
    if (index !== undefined) draft.setKind(index, draft.kindAt(index) | GONE)
    merged?.set(name, -1)
  }
}

/** Types that do not tell whether the object is a whiteout. */
function isDoubtful(type: number, checkXattrs: boolean): boolean {
  return type === DT_CHR || type === DT_UNKNOWN || (checkXattrs && type === DT_REG)
}

function judge(
  u: Union,
  part: LayerDirectory,
  index: number,
  draft: Draft,
  merged: Merged | null,
): void {
  const fd = u.fd(part)
  const name = draft.nameAt(index)
  if (statx(fd, name, AT_SYMLINK_NOFOLLOW, record, 0) < 0) return
  const kind = draft.kindAt(index) & ~TYPE_MASK
  draft.setKind(index, kind | (((record[ST.mode] ?? 0) >>> 12) & TYPE_MASK))
  if (!isDeviceWhiteout(record) && !isXattrWhiteout(fd, name, record, u.format)) return
  draft.setKind(index, draft.kindAt(index) | GONE)
  merged?.set(name, -1)
}

/** Which listings are kept: the least recently used go first, until the rest fits. */
export class ListingCache {
  private readonly sizes = new Map<Node & { dir: Directory }, number>()
  private total = 0

  admit(node: Node & { dir: Directory }, size: number): void {
    this.forget(node)
    this.sizes.set(node, size)
    this.total += size
    for (const oldest of this.sizes.keys()) {
      if (this.total <= ENTRIES_KEPT || oldest === node) break
      oldest.dir.listing = null
      oldest.dir.lookupsBeforeListing = 0
      this.forget(oldest)
    }
  }

  touch(node: Node & { dir: Directory }): void {
    const size = this.sizes.get(node)
    if (size === undefined) return
    this.sizes.delete(node)
    this.sizes.set(node, size)
  }

  /** A listing that must stay: `admit` makes it one of those that may go again. */
  pin(node: Node & { dir: Directory }): void {
    this.forget(node)
  }

  /** The node went away, or its listing became untrue as a whole. */
  drop(node: Node & { dir: Directory }): void {
    node.dir.listing = null
    node.dir.lookupsBeforeListing = 0
    this.forget(node)
  }

  private forget(node: Node & { dir: Directory }): void {
    this.total -= this.sizes.get(node) ?? 0
    this.sizes.delete(node)
  }
}
