// The first answer to READDIRPLUS of the directory that a walk is thought to read next, built while
// its client is busy with the one before. Its lookups are counted as if it were sent, and taken back
// where it is not.
//
// It holds dormant children only, from the beginning of the listing on: nothing of what it says can
// change while the directory has no upper.
import { Reply } from '../fuse/reply.js'
import { fuse_out_header } from '../fuse/abi/structs.js'
import { DirentPacker, lookupsOf } from '../fuse/dirents.js'
import { mayHaveDormant } from './dormant.js'
import { forgetNode } from './forget.js'
import type { Listing } from './listing.js'
import type { Directory, Node } from './node.js'
import { readDormant } from './read-directory.js'
import type { Union } from './union.js'

type DirectoryNode = Node & { dir: Directory }

/** What the C library reads a directory with. */
const LONGEST = 32 << 10
const HEAD = fuse_out_header.size

export class PreparedAnswer {
  private readonly reply = new Reply(new ArrayBuffer(HEAD + LONGEST))
  private node: DirectoryNode | null = null
  private listing: Listing | null = null
  /** The first entry that is not in it. */
  private next = 0

  /** Builds the answer for `size` bytes from the first `count` entries. Throws FsError. */
  prepare(
    u: Union,
    node: DirectoryNode,
    listing: Listing,
    count: number,
    size: number,
  ): void {
    this.drop(u)
    this.reply.begin()
    this.node = node
    this.listing = listing
    this.next = 0
    try {
      const pack = new DirentPacker(this.reply, size)
      this.next = readDormant(u, pack, node, listing, count)
    } finally {
      if (this.next === 0) this.drop(u)
    }
  }

  /**
   * Puts it into the reply to a request for the listing's beginning, where it is the right one.
   * @returns the index of the first entry that is not in it.
   */
  take(u: Union, reply: Reply, node: DirectoryNode, size: number): number {
    const { length } = this.reply
    const isRight =
      this.node === node &&
      this.listing === node.dir.listing &&
      mayHaveDormant(u, node.dir) &&
      length - HEAD <= size
    if (!isRight) {
      this.drop(u)
      return 0
    }
    reply.bytes.set(this.reply.bytes.subarray(HEAD, length), HEAD)
    reply.length = length
    this.node = this.listing = null
    return this.next
  }

  /** It is not sent: its lookups have not been. */
  drop(u: Union): void {
    if (this.node === null) return
    this.node = this.listing = null
    for (const nodeid of lookupsOf(this.reply)) forgetNode(u, nodeid, 1)
  }
}
