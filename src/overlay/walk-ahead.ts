// Reads ahead of a walk. find, tar, du, cp and rm go through a tree depth first, in the order of
// its listings: after a directory's last name comes its first subdirectory or, where it has none,
// the next one of a directory above. While the client works on the names it has got, that
// directory is merged and its first attributes are read, which then wait for the request.
//
// Only directories without an upper: what was read of them cannot become untrue. What others do
// (ls -R lists in another order) is learned from, and then left alone.
import { statx } from '../layer/object-calls.js'
import { FsError } from '../errno/fs-error.js'
import { log } from '../log/log.js'
import { AT_EMPTY_PATH } from '../sys/constants.js'
import { ST, STAT_WORDS, statNumber } from '../sys/stat.js'
import { mayHaveDormant, wake } from './dormant.js'
import { BATCH, readBatch } from './listed-attributes.js'
import type { Listing } from './listing.js'
import { DT_DIR, listingOf } from './listings.js'
import { type Directory, hasDirectory, type Node } from './node.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

/** Whoever asks meanwhile waits: a directory of some thousand names is left to its request. */
const LARGEST = 64 << 10
/** Weight of the latest guess in the share of right ones, and the share below which to stop. */
const WEIGHT = 1 / 8
const WORTH = 0.5
/** Then one guess in so many is made all the same, without reading, to learn anew. */
const PROBE_EVERY = 8

const record = new Uint32Array(STAT_WORDS)

export class WalkAhead {
  readonly figures = { guessed: 0, right: 0 }
  private share = 1
  private skipped = 0
  /** Where the walk is thought to go next. */
  private guess: DirectoryNode | null = null
  /** The directory whose listing has just come to its end. */
  private ended: DirectoryNode | null = null

  /** A listing begins: was it the one that was guessed? */
  begins(node: DirectoryNode): void {
    if (this.guess === null) return
    const right = this.guess === node ? 1 : 0
    this.figures.guessed++
    this.figures.right += right
    this.share += WEIGHT * (right - this.share)
    this.guess = null
  }

  ends(node: DirectoryNode): void {
    this.ended = node
  }

  /** Whether there is something to do before the next request. */
  get isDue(): boolean {
    return this.ended !== null
  }

  /** Guesses the next directory and reads it. Never throws: its request will tell what is wrong. */
  work(u: Union): void {
    const { ended } = this
    this.ended = null
    if (ended === null) return
    const worth = this.share >= WORTH
    if (!worth && ++this.skipped % PROBE_EVERY !== 0) return
    try {
      this.guess = nextDirectory(u, ended)
      if (worth && this.guess !== null) read(u, this.guess)
    } catch (error) {
      this.guess = null
      if (!(error instanceof FsError)) log.error(`reading ahead: ${String(error)}`, error)
    }
  }
}

function read(u: Union, node: DirectoryNode): void {
  const { dir } = node
  if (!u.layersStay || !mayHaveDormant(u, dir)) return
  if (dir.listing !== null) return
  if (dir.recorded < 0 && sizeOf(u, dir) > LARGEST) return
  const listing = listingOf(u, node)
  const count = Math.min(listing.length, BATCH)
  if (count > 0) readBatch(u, dir, listing, 0, count)
}

/** Bytes of all parts of a directory. Throws FsError. */
function sizeOf(u: Union, { lowers }: Directory): number {
  let bytes = 0
  for (const part of lowers) {
    const error = statx(u.fd(part), '', AT_EMPTY_PATH, record, 0)
    if (error < 0) throw new FsError(error, 'statx', part.path())
    bytes += statNumber(record, ST.size)
  }
  return bytes
}

/** Depth first: the first subdirectory, or the next of the nearest directory that has one. */
function nextDirectory(u: Union, ended: DirectoryNode): DirectoryNode | null {
  let at: DirectoryNode = ended
  let after = -1
  for (;;) {
    const { listing } = at.dir
    if (listing === null) return null
    for (let i = after + 1; i < listing.length; i++)
      if (listing.typeAt(i) === DT_DIR && !listing.isGone(i))
        return directoryAt(u, at, listing, i)
    const above: Node | null = at.parent
    if (above === null || !hasDirectory(above)) return null
    after = above.dir.listing?.indexOf(at.name) ?? -1
    if (after < 0) return null
    at = above
  }
}

/** Null for one that the kernel does not know, and of which nothing can be kept. */
function directoryAt(
  u: Union,
  parent: DirectoryNode,
  listing: Listing,
  i: number,
): DirectoryNode | null {
  const node =
    listing.idAt(i) === 0
      ? parent.dir.children.get(listing.nameAt(i))
      : wake(u, parent, i)
  return node !== undefined && hasDirectory(node) ? node : null
}
