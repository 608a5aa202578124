// Reads ahead of a walk. find, tar, du, cp and rm go through a tree depth first, in the order of
// its listings: after a directory's last name comes its first subdirectory or, where it has none,
// the next one of a directory above. While the client takes in the names it has got, that directory
// is merged, and while it works on them its first answer is built, which waits for the request.
//
// Only directories without an upper: what was read of them cannot become untrue. What others do
// (ls -R lists in another order) is learned from, and then left alone.
import { statx } from '../layer/object-calls.js'
import { FsError } from '../errno/fs-error.js'
import { log } from '../log/log.js'
import type { Reply } from '../fuse/reply.js'
import { AT_EMPTY_PATH } from '../sys/constants.js'
import { ST, STAT_WORDS, statNumber } from '../sys/stat.js'
import { mayHaveDormant, wake } from './dormant.js'
import { BATCH } from './listed-attributes.js'
import type { Listing } from './listing.js'
import { DT_DIR, listingOf } from './listings.js'
import { type Directory, hasDirectory, type Node } from './node.js'
import { PreparedAnswer } from './prepared-answer.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

/** Whoever asks meanwhile waits: a directory of some thousand names is left to its request. */
const LARGEST = 64 << 10
/** Weight of the latest guess in the share of right ones, and the share below which to stop. */
const WEIGHT = 1 / 8
const WORTH = 0.5
/** Above, what is guessed is asked for next, however large it is. */
const SURE = 0.99
/** Then one guess in so many is made all the same, without reading, to learn anew. */
const PROBE_EVERY = 8

const record = new Uint32Array(STAT_WORDS)

export class WalkAhead {
  readonly figures = { guessed: 0, right: 0 }
  private share = WORTH
  private skipped = 0
  /** Where the walk is thought to go next. */
  private guess: DirectoryNode | null = null
  /** The guess, once it has been merged for the walk. */
  private merged: DirectoryNode | null = null
  /** All names of it have just been given. */
  private given: DirectoryNode | null = null
  /** The last one from which a guess was made. */
  private left: DirectoryNode | null = null
  private endsNow = false
  private prepared: PreparedAnswer | null = null
  /** Bytes that a listing was last asked for from its beginning. */
  private size = 0

  /**
   * A listing begins, with a request for `size` bytes: was it the one that was guessed? Then the
   * reply may be there.
   * @returns the index of the first entry that the reply does not have; 0 where it is empty.
   */
  begins(u: Union, reply: Reply, node: DirectoryNode, size: number): number {
    this.judge(node)
    this.size = size
    return this.prepared?.take(u, reply, node, size) ?? 0
  }

  private judge(node: DirectoryNode): void {
    if (this.guess === null) return
    const right = this.guess === node ? 1 : 0
    this.figures.guessed++
    this.figures.right += right
    this.share += WEIGHT * (right - this.share)
    this.guess = this.merged = null
  }

  /** The last names of a listing are given, which its reader now takes in. */
  gives(node: DirectoryNode): void {
    this.given = node
  }

  /** A listing has been read to its end, and its reader goes on. */
  ends(node: DirectoryNode): void {
    this.endsNow = true
    if (this.left !== node) this.given = node
  }

  /** Whether there is something to do before the next request. */
  get isDue(): boolean {
    return this.given !== null || this.endsNow
  }

  /**
   * Guesses the next directory and merges it, then builds its answer: half of the work each for
   * the two times at which the reader is busy. Never throws: what fails is left to its request.
   */
  work(u: Union): void {
    const { given, endsNow } = this
    this.given = null
    this.endsNow = false
    try {
      if (given !== null) this.mergeNext(u, given)
      if (endsNow) this.readNext(u)
    } catch (error) {
      this.guess = this.merged = null
      if (!(error instanceof FsError)) log.error(`reading ahead: ${String(error)}`, error)
    }
  }

  private mergeNext(u: Union, given: DirectoryNode): void {
    this.left = given
    this.merged = null
    const worth = this.share >= WORTH
    if (!worth && ++this.skipped % PROBE_EVERY !== 0) return
    this.guess = nextDirectory(u, given)
    if (!worth || this.guess === null) return
    const limit = this.share > SURE ? Infinity : LARGEST
    if (merge(u, this.guess, limit)) this.merged = this.guess
  }

  private readNext(u: Union): void {
    const node = this.merged
    const listing = node?.dir.listing ?? null
    this.merged = null
    if (node === null || listing === null) return
    const count = Math.min(listing.length, BATCH)
    if (count === 0 || !mayHaveDormant(u, node.dir)) return
    this.prepared ??= new PreparedAnswer()
    this.prepared.prepare(u, node, listing, count, this.size)
  }
}

/** Merges a directory that is small and unchanging; false where it was listed already, or is not. */
function merge(u: Union, node: DirectoryNode, limit: number): boolean {
  const { dir } = node
  if (!u.layersStay || !mayHaveDormant(u, dir) || dir.listing !== null) return false
  if (limit < Infinity && dir.recorded < 0 && sizeOf(u, dir) > limit) return false
  listingOf(u, node)
  return true
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
