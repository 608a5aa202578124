// Merges the parts of a directory into its listing, keeps what changes keep true, and bounds
// the memory of all listings together (ovl_dir_read_merged).
import { FsError } from '../errno/fs-error.js'
import { hiddenBy, isDotName } from '../layer/format.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import { readDirectory } from '../layer/read-directory.js'
import { isDeviceWhiteout, isXattrWhiteout } from '../layer/whiteout.js'
import { AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { statx } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { type Entry, Listing } from './listing.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'

export const DT_UNKNOWN = 0
export const DT_CHR = 2
export const DT_DIR = 4
export const DT_REG = 8

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
  const merged = new Map<string, Entry | null>()
  if (!dir.removed) {
    if (dir.upper !== null) mergePart(u, dir.upper, 0, merged, dir.lowers.length === 0)
    dir.lowers.forEach((part, i) => {
      mergePart(u, part, i + 1, merged, i === dir.lowers.length - 1)
    })
  }
  const listing = new Listing(visible(merged), u.seed)
  dir.listing = listing
  u.listings.admit(node, listing.size)
  return listing
}

function* visible(merged: Map<string, Entry | null>): Generator<Entry> {
  for (const entry of merged.values()) if (entry !== null) yield entry
}

/** Adds one part's names below those of the parts above; null stands for "hidden from here". */
function mergePart(
  u: Union,
  part: LayerDirectory,
  place: number,
  merged: Map<string, Entry | null>,
  isLowest: boolean,
): void {
  const hiddenHere: string[] = []
  const doubtful: Entry[] = []
  const error = readDirectory(part, u.directoryFds, (name, type, inoLow, inoHigh) => {
    if (u.format.dotWhiteouts && isDotName(name)) {
      const hidden = hiddenBy(name)
      if (hidden !== null) hiddenHere.push(hidden)
      return
    }
    const above = merged.get(name)
    if (above !== undefined) {
      if (above !== null) above.several = true
      return
    }
    const entry: Entry = {
      name,
      type,
      place,
      several: false,
      inoLow,
      inoHigh,
      cookie: 0,
      gone: false,
    }
    merged.set(name, entry)
    if (type === DT_CHR || type === DT_UNKNOWN || type === DT_REG) doubtful.push(entry)
  })
  if (error < 0) throw new FsError(error, 'readdir', part.path())
  const checkXattrs = !isLowest && part.hasXattrWhiteouts(u.directoryFds, u.format)
  for (const entry of doubtful)
    if (entry.type !== DT_REG || checkXattrs) judge(u, part, entry, merged)
  for (const name of hiddenHere) {
    const entry = merged.get(name)
    if (entry === undefined || entry?.place === place) merged.set(name, null)
  }
}

/** Entries whose type does not tell whether they are whiteouts. */
function judge(
  u: Union,
  part: LayerDirectory,
  entry: Entry,
  merged: Map<string, Entry | null>,
): void {
  const fd = u.fd(part)
  if (statx(fd, entry.name, AT_SYMLINK_NOFOLLOW, record, 0) < 0) return
  entry.type = ((record[ST.mode] ?? 0) >>> 12) & 15
  if (isDeviceWhiteout(record) || isXattrWhiteout(fd, entry.name, record, u.format))
    merged.set(entry.name, null)
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
