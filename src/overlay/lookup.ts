// One name through the stack (ovl_lookup): which layers have it, and whether they merge.
import { E } from '../errno/errno.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import { AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { statx } from '../sys/inode.js'
import { STAT_WORDS } from '../sys/stat.js'
import { LookupState } from './layer-lookup.js'
import { buildListing, wantsListing } from './listings.js'
import { Found, materialize, presentXattrs } from './materialize.js'
import { ABSENT } from './merged-tree/merged-tree.js'
import type { Directory, Node } from './node.js'
import type { Union } from './union.js'

const NAME_MAX = 255
const state = new LookupState()
const scratch = new Uint32Array(STAT_WORDS)
const found = new Found()
/** A listing says that the name lies in the layer that is asked first and, by itself, nowhere else. */
let isAlone = false

/**
 * The node of a name, null where there is none, -errno on failure. `record` receives the
 * topmost object's attributes, as they are on its layer, when a node was made or found.
 */
export function lookupChild(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  record: Uint32Array,
): Node | null | number {
  if (name.length > NAME_MAX) return -E.ENAMETOOLONG
  if (parent.dir.removed) return null
  if (parent.dir.upper === null) {
    const entry = recordedEntry(u, parent.dir, name)
    if (entry === ABSENT) return null
    if (entry !== null) {
      found.reset()
      takeRecorded(u, parent.dir, name, entry, record)
      return materialize(u, parent, name, found, record)
    }
  }
  const place = placeOf(u, parent, name)
  if (place < 0) return null
  isAlone = parent.dir.listing?.isOnlyInLower(name) ?? false
  const result = search(u, parent.dir, name, place, record)
  if (result <= 0) return result === 0 ? null : result
  return materialize(u, parent, name, found, record)
}

/** Where to begin: a listing, when there is one, knows the topmost layer; -1 means nowhere. */
function placeOf(u: Union, parent: Node & { dir: Directory }, name: string): number {
  const dir = parent.dir
  if (dir.listing === null) {
    dir.lookupsBeforeListing++
    if (!wantsListing(dir)) return 0
    buildListing(u, parent)
  }
  return dir.listing?.placeOf(name) ?? -1
}

/** Fills `found` and `record`. Returns 1 when something was found, 0 when not, or -errno. */
function search(
  u: Union,
  dir: Directory,
  name: string,
  place: number,
  record: Uint32Array,
): number {
  const d = state
  found.reset()
  d.begin(name, !u.layerLookup.obeysRedirects && dir.lowers.length === 0)
  if (dir.upper !== null && place === 0) {
    const error = u.layerLookup.lookup(dir.upper, d)
    if (error < 0) return error
    if (d.parent !== null) {
      found.upper = true
      record.set(d.record)
      found.upperPresent = presentXattrs(u, u.fd(d.parent), d.leaf)
    }
    found.redirect = d.redirect
    found.opaque = d.opaque
    found.metacopy = d.metacopy
  }
  const error = isAnsweredByTree(u, dir, record)
    ? 0
    : searchLowers(u, dir, Math.max(place - 1, 0), record)
  if (error < 0) return error
  if (d.metacopy && !findData(u, d)) return -E.EIO
  return found.upper || found.lowers.length > 0 ? 1 : 0
}

/** The lower part of ovl_lookup's loop, from the `first` of the directory's lowers. */
function searchLowers(
  u: Union,
  dir: Directory,
  first: number,
  record: Uint32Array,
): number {
  const d = state
  const follows = u.layerLookup.obeysRedirects
  let lowers = isAbsolute(d.redirect) ? u.rootLowers : dir.lowers
  for (let i = lowers === dir.lowers ? first : 0; !d.stop && i < lowers.length; i++) {
    const lower = lowers[i]
    if (lower === undefined) break
    d.last = follows ? lower.layer.index === u.rootLowers.length : i === lowers.length - 1
    const error = u.layerLookup.lookup(lower, d)
    if (error < 0) return error
    if (d.parent === null) continue
    addLower(d.parent, record)
    if (d.redirect !== null && !follows) return -E.EPERM
    if (isAlone && d.redirect === null) break
    if (isAbsolute(d.redirect) && lowers !== u.rootLowers) {
      lowers = u.rootLowers
      i = lower.layer.index - 1
    }
  }
  return 0
}

/** What the last step has found; the topmost object's attributes are the ones shown. */
function addLower(parent: LayerDirectory, record: Uint32Array): void {
  if (!found.upper && found.lowers.length === 0) {
    record.set(state.record)
    found.metacopy = state.metacopy
  }
  found.lowers.push({ parent, name: state.leaf })
}

/** What the merged tree has of a name in the lower parts; null where it has to be looked for. */
function recordedEntry(u: Union, dir: Directory, name: string): number | null {
  if (u.tree === null || dir.recorded < 0) return null
  const entry = u.tree.find(dir.recorded, name)
  return entry !== ABSENT && u.tree.mustAsk(entry) ? null : entry
}

/** The lower part of a search from the merged tree alone; false where it cannot be. */
function isAnsweredByTree(u: Union, dir: Directory, record: Uint32Array): boolean {
  const d = state
  if (d.stop || d.metacopy || d.redirect !== null) return false
  const entry = recordedEntry(u, dir, d.name)
  if (entry === null) return false
  if (entry !== ABSENT) takeRecorded(u, dir, d.name, entry, record)
  return true
}

/** Puts what the merged tree has into `found` and, where no upper has the name, `record`. */
function takeRecorded(
  u: Union,
  dir: Directory,
  name: string,
  entry: number,
  record: Uint32Array,
): void {
  if (u.tree === null) return
  const directory = u.tree.directoryOf(entry)
  // Below an upper directory a file is hidden.
  if (found.upper && directory < 0) return
  const parts = directory < 0 ? [u.tree.partOf(entry)] : u.tree.partsOf(directory)
  for (const part of parts) {
    const parent = dir.lowers[part]
    if (parent !== undefined) found.lowers.push({ parent, name })
  }
  found.recorded = entry
  if (!found.upper) u.tree.readRecord(entry, record, 0)
}

function isAbsolute(redirect: string | null): boolean {
  return redirect?.startsWith('/') === true
}

/** A metacopy whose data no regular layer had: the data-only layers (ovl_lookup_data_layers). */
function findData(u: Union, d: LookupState): boolean {
  if (d.redirect === null || !isAbsolute(d.redirect)) return false
  const path = d.redirect.slice(1)
  for (const layer of u.stack.dataLowers) {
    if (statx(layer.rootFd, path, AT_SYMLINK_NOFOLLOW, scratch, 0) !== 0) continue
    const slash = path.lastIndexOf('/')
    const parent =
      slash < 0 ? layer.root : new LayerDirectory(layer, layer.root, path.slice(0, slash))
    found.lowers.push({ parent, name: path.slice(slash + 1) })
    return true
  }
  return false
}
