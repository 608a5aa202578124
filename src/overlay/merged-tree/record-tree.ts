// Records what the lower layers show together, through the very code that a mount shows them with:
// every directory is looked up, merged and listed as for a request, and nothing is judged anew.
import { FsError } from '../../errno/fs-error.js'
import { E } from '../../errno/errno.js'
import { statx, xattrPrefixBatch } from '../../layer/object-calls.js'
import { AT_EMPTY_PATH } from '../../sys/constants.js'
import { isDirectory, isRegular, ST, STAT_WORDS } from '../../sys/stat.js'
import { isLowermost } from '../dormant.js'
import { BATCH, names, readBatch, records, starts } from '../listed-attributes.js'
import type { Listing } from '../listing.js'
import { PLACE_SHIFT, SEVERAL } from '../listing-draft.js'
import { buildListing } from '../listings.js'
import { lookupChild } from '../lookup.js'
import { type Directory, hasDirectory, type Node } from '../node.js'
import { ROOT_ID } from '../node-table.js'
import type { Union } from '../union.js'
import {
  ASK,
  DIRECTORY_WORDS,
  ENTRY,
  ENTRY_WORDS,
  HEADER,
  HEADER_WORDS,
  MAGIC,
  packRecord,
  VERSION,
} from './layout.js'

type DirectoryNode = Node & { dir: Directory }

const record = new Uint32Array(STAT_WORDS)
const members = new Uint32Array(BATCH)
const offsets = new Uint32Array(BATCH)
const marks = new Uint8Array(BATCH)

/**
 * The bytes of a union's merged tree (see layout.ts).
 * @param u without an upper, its root admitted, and none of its nodes known to anybody.
 * @throws FsError
 */
export function recordTree(u: Union): Uint8Array {
  const recording = new Recording(u)
  recording.run()
  return recording.bytes()
}

class Recording {
  private readonly u: Union
  private readonly pending: DirectoryNode[] = []
  private readonly directories: number[] = []
  private readonly entries: Uint32Array[] = []
  private readonly parts: number[] = []
  private readonly names: Buffer[] = []
  private entryCount = 0
  private nameBytes = 0

  constructor(u: Union) {
    this.u = u
  }

  run(): void {
    const root = this.u.directory(ROOT_ID)
    this.rows(1, rows => {
      const [top] = this.u.stack.lowers
      const error = statx(top?.rootFd ?? -1, '', AT_EMPTY_PATH, record, 0)
      if (error < 0) throw new FsError(error, 'statx', '/')
      packRecord(rows, 0, record, 0)
    })
    this.pending.push(root)
    // Grows with each directory's own.
    for (const node of this.pending) this.directory(node)
    this.mark()
  }

  bytes(): Uint8Array {
    const { parts } = this
    const header = new Uint32Array(HEADER_WORDS)
    header[HEADER.magic] = MAGIC
    header[HEADER.version] = VERSION
    header[HEADER.seed] = this.u.seed
    header[HEADER.directories] = this.directories.length / DIRECTORY_WORDS - 1
    header[HEADER.entries] = this.entryCount
    header[HEADER.parts] = parts.length
    header[HEADER.nameBytes] = this.nameBytes
    const words = [header, Uint32Array.from(this.directories), ...this.entries]
    words.push(Uint32Array.from(parts))
    const length = words.reduce((sum, one) => sum + one.byteLength, this.nameBytes)
    const bytes = Buffer.allocUnsafeSlow(length)
    let at = 0
    for (const one of [...words, ...this.names]) {
      bytes.set(new Uint8Array(one.buffer, one.byteOffset, one.byteLength), at)
      at += one.byteLength
    }
    return bytes
  }

  /** Notes where the next directory begins. */
  private mark(): void {
    this.directories.push(this.entryCount, this.parts.length, this.nameBytes)
  }

  private rows(count: number, fill: (rows: Uint32Array) => void): void {
    const rows = new Uint32Array(count * ENTRY_WORDS)
    fill(rows)
    this.entries.push(rows)
    this.entryCount += count
  }

  private directory(node: DirectoryNode): void {
    this.mark()
    if (node.parent?.dir != null) this.parts.push(...partsIn(node.parent.dir, node))
    const listing = buildListing(this.u, node)
    const count = listing.length
    this.rows(count, rows => {
      for (let first = 0; first < count; first += BATCH)
        this.batch(node, listing, first, Math.min(BATCH, count - first), rows)
    })
    const text = Buffer.from(listing.names, 'latin1')
    this.names.push(text)
    this.nameBytes += text.length
    this.u.listings.drop(node)
  }

  private batch(
    node: DirectoryNode,
    listing: Listing,
    first: number,
    count: number,
    rows: Uint32Array,
  ): void {
    readBatch(this.u, node.dir, listing, first, count)
    for (let k = 0; k < count; k++) {
      const i = first + k
      if (records[k * STAT_WORDS + ST.mask] === 0)
        throw new FsError(-E.ENOENT, 'statx', listing.nameAt(i))
      const at = i * ENTRY_WORDS
      rows[at + ENTRY.cookieLow] = listing.cookieLow(i)
      rows[at + ENTRY.cookieHigh] = listing.cookieHigh(i)
      rows[at + ENTRY.start] = listing.startOf(i)
      rows[at + ENTRY.kind] =
        listing.typeAt(i) |
        (listing.isSeveral(i) ? SEVERAL : 0) |
        (listing.placeAt(i) << PLACE_SHIFT)
      packRecord(rows, at, records, k * STAT_WORDS)
    }
    this.findMetacopies(node.dir, listing, first, count, rows)
    this.noteDirectories(node, listing, first, count, rows)
  }

  /** Files that have attributes of the overlay's may have their data elsewhere. */
  private findMetacopies(
    dir: Directory,
    listing: Listing,
    first: number,
    count: number,
    rows: Uint32Array,
  ): void {
    const { u } = this
    dir.lowers.forEach((part, p) => {
      // In the lowermost layer there is nothing that they could lead to.
      if (isLowermost(u, part)) return
      let several = 0
      for (let k = 0; k < count; k++) {
        if (listing.placeAt(first + k) !== p + 1 || !isRegular(records, k * STAT_WORDS))
          continue
        offsets[several] = starts[k] ?? 0
        members[several++] = k
      }
      if (several === 0) return
      const { prefix } = u.format.xattrs
      xattrPrefixBatch(u.fd(part), names, offsets, 0, several, prefix, marks)
      for (let m = 0; m < several; m++)
        if (marks[m] !== 0)
          rows[(first + (members[m] ?? 0)) * ENTRY_WORDS + ENTRY.child] = ASK
    })
  }

  private noteDirectories(
    parent: DirectoryNode,
    listing: Listing,
    first: number,
    count: number,
    rows: Uint32Array,
  ): void {
    for (let i = first; i < first + count; i++) {
      if (!isDirectory(rows, i * ENTRY_WORDS + ENTRY.record)) continue
      const name = listing.nameAt(i)
      const node = lookupChild(this.u, parent, name, record)
      if (typeof node === 'number') throw new FsError(node, 'lookup', name)
      if (node === null || !hasDirectory(node))
        throw new FsError(-E.ENOENT, 'lookup', name)
      const isPlain = node.dir.lowers.every(
        lower => lower.name === name && parent.dir.lowers.includes(lower.parent ?? lower),
      )
      rows[i * ENTRY_WORDS + ENTRY.child] = isPlain ? this.pending.push(node) - 1 : ASK
    }
  }
}

function partsIn(parent: Directory, node: DirectoryNode): number[] {
  return node.dir.lowers.map(({ parent: above }) =>
    parent.lowers.findIndex(one => one === above),
  )
}
