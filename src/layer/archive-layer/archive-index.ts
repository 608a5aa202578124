// The index of a layer's archive: names, attributes and places of contents, answered from one
// block of memory with no system call. Numbers of nodes and inodes are what callers keep; node 0
// is the root. An index that is damaged is refused when it is opened or answers nothing, but never
// reads beyond its block.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { ST } from '../../sys/stat.js'
import type { SparseRun } from '../../tar/entry.js'
import {
  HEAD,
  INODE,
  INODE_FLAG,
  MAGIC,
  NO_INODE,
  NODE,
  NODE_FLAG,
  NOWHERE,
} from './index-layout.js'

/** What a stat record says of blocks; the size of the kernel's own pages. */
const BLKSIZE = 4096

export class ArchiveIndex {
  readonly nodes: number
  readonly inodes: number
  private readonly words: Uint32Array
  private readonly bytes: Buffer
  private readonly firstInode: number

  /**
   * @param block what `buildArchiveIndex` made, as it is or read from a file.
   * @throws FsError EUCLEAN for anything else, an index of another version too.
   */
  constructor(block: Buffer) {
    const whole =
      block.byteOffset % 4 === 0 ? block : Buffer.from(Uint8Array.from(block).buffer)
    const { buffer, byteOffset, length } = whole
    this.words = new Uint32Array(buffer, byteOffset, length >> 2)
    const isOurs = MAGIC.every((word, i) => this.words[i] === word)
    this.nodes = this.word(HEAD.nodes)
    this.inodes = this.word(HEAD.inodes)
    this.firstInode = HEAD.words + this.nodes * NODE.words
    const start = (this.firstInode + this.inodes * INODE.words) * 4
    if (!isOurs || this.nodes === 0 || start + this.word(HEAD.bytes) !== length)
      throw new FsError(E.EUCLEAN, 'the index of an archive')
    this.bytes = whole.subarray(start)
  }

  /** The node of a name in a directory's node; -1 where the archive has none. */
  lookup(directory: number, name: string): number {
    let low = this.node(directory, NODE.firstChild)
    let high = Math.min(low + this.node(directory, NODE.children), this.nodes)
    while (low < high) {
      const middle = (low + high) >> 1
      const found = this.name(middle)
      if (found === name) return middle
      if (found < name) low = middle + 1
      else high = middle
    }
    return -1
  }

  /** Calls `visit` for each name of a directory, in the order of their bytes. */
  list(directory: number, visit: (node: number, name: string) => void): void {
    const first = this.node(directory, NODE.firstChild)
    const end = Math.min(first + this.node(directory, NODE.children), this.nodes)
    for (let node = first; node < end; node++) visit(node, this.name(node))
  }

  /** The same without strings: a name lies in `bytes` from `start` to `end`. */
  visit(
    directory: number,
    visit: (node: number, bytes: Buffer, start: number, end: number) => void,
  ): void {
    const first = this.node(directory, NODE.firstChild)
    const end = Math.min(first + this.node(directory, NODE.children), this.nodes)
    for (let node = first; node < end; node++) {
      const start = this.node(node, NODE.nameAt)
      visit(node, this.bytes, start, start + this.node(node, NODE.nameLength))
    }
  }

  /** How many directories have no entry, and the inodes that are copies of lower files. */
  borrowers(): { implied: number; links: number[] } {
    let implied = 0
    const links: number[] = []
    for (let inode = 0; inode < this.inodes; inode++) {
      const flags = this.inode(inode, INODE.flags)
      if ((flags & INODE_FLAG.implied) !== 0) implied++
      if ((flags & INODE_FLAG.lowerLink) !== 0) links.push(inode)
    }
    return { implied, links }
  }

  name(node: number): string {
    return this.text(this.node(node, NODE.nameAt), this.node(node, NODE.nameLength))
  }

  /** The inode of a node; -1 for a whiteout, which hides its name and is nothing itself. */
  inodeOf(node: number): number {
    const inode = this.node(node, NODE.inode)
    return inode === NO_INODE ? -1 : inode
  }

  /** Whether what the layers below have under the node's name is hidden. */
  hides(node: number): boolean {
    return (this.node(node, NODE.flags) & NODE_FLAG.hides) !== 0
  }

  /** Whether a directory shows nothing of the layers below. */
  isOpaque(node: number): boolean {
    const flags = this.node(node, NODE.flags)
    return (flags & (NODE_FLAG.opaque | NODE_FLAG.hides)) !== 0
  }

  /** Whether a directory has no entry of its own: the layers below say what it is. */
  isImplied(inode: number): boolean {
    return (this.inode(inode, INODE.flags) & INODE_FLAG.implied) !== 0
  }

  /** The path of the lower file that an inode is a copy of; null for all others. */
  lowerLink(inode: number): string | null {
    const flags = this.inode(inode, INODE.flags)
    return (flags & INODE_FLAG.lowerLink) === 0 ? null : this.linkText(inode)
  }

  /** Target of a symlink. */
  linkText(inode: number): string {
    return this.text(this.inode(inode, INODE.linkAt), this.inode(inode, INODE.linkLength))
  }

  /** Bytes of a file, holes counted. */
  size(inode: number): number {
    return this.number(inode, INODE.size)
  }

  /** Where a file's contents begin in the plain archive. */
  dataOffset(inode: number): number {
    return this.number(inode, INODE.dataAt)
  }

  /** Type and permission bits. */
  mode(inode: number): number {
    return this.inode(inode, INODE.mode)
  }

  nlink(inode: number): number {
    return this.inode(inode, INODE.nlink)
  }

  hasXattrs(inode: number): boolean {
    return this.inode(inode, INODE.xattrsAt) !== NOWHERE
  }

  /** Fills a stat record; the inode number is the index's, the device 0. */
  stat(inode: number, record: Uint32Array, at = 0): void {
    const copy = (field: number, from: number): void => {
      record[at + field] = this.inode(inode, from)
    }
    record.fill(0, at, at + ST.mask + 1)
    record[at + ST.ino] = inode + 1
    copy(ST.mode, INODE.mode)
    copy(ST.nlink, INODE.nlink)
    copy(ST.uid, INODE.uid)
    copy(ST.gid, INODE.gid)
    copy(ST.rdev, INODE.rdev)
    copy(ST.size, INODE.size)
    copy(ST.size + 1, INODE.size + 1)
    for (const [time, nsec, from, fromNsec] of TIMES) {
      copy(time, from)
      copy(time + 1, from + 1)
      copy(nsec, fromNsec)
    }
    record[at + ST.blksize] = BLKSIZE
    const blocks = Math.ceil(this.storedSize(inode) / 512)
    record[at + ST.blocks] = blocks >>> 0
    record[at + ST.blocks + 1] = Math.floor(blocks / 0x1_0000_0000)
    record[at + ST.mask] = BASIC_STATS
  }

  /** Extended attributes, as the archive's author named them. */
  xattrs(inode: number): Map<string, Buffer> {
    const found = new Map<string, Buffer>()
    let at = this.inode(inode, INODE.xattrsAt)
    if (at === NOWHERE) return found
    const count = this.stored(at)
    at += 4
    for (let i = 0; i < count && at < this.bytes.length; i++) {
      const nameLength = this.stored(at)
      const valueLength = this.stored(at + 4)
      const value = at + 8 + nameLength
      found.set(
        this.text(at + 8, nameLength),
        this.bytes.subarray(value, value + valueLength),
      )
      at = value + valueLength
    }
    return found
  }

  /** Runs of data of a sparse file; null for one that is stored whole. */
  sparse(inode: number): SparseRun[] | null {
    const at = this.inode(inode, INODE.sparseAt)
    if (at === NOWHERE) return null
    const runs: SparseRun[] = []
    const count = this.stored(at)
    for (let i = 0; i < count; i++) {
      const pair = at + 4 + i * 16
      if (pair + 16 > this.bytes.length) break
      runs.push({ offset: this.storedWide(pair), length: this.storedWide(pair + 8) })
    }
    return runs
  }

  private storedSize(inode: number): number {
    const sparse = this.sparse(inode)
    if (sparse === null) return this.size(inode)
    return sparse.reduce((sum, run) => sum + run.length, 0)
  }

  private word(at: number): number {
    return this.words[at] ?? 0
  }

  private node(node: number, field: number): number {
    return node < this.nodes ? this.word(HEAD.words + node * NODE.words + field) : 0
  }

  private inode(inode: number, field: number): number {
    return inode < this.inodes
      ? this.word(this.firstInode + inode * INODE.words + field)
      : 0
  }

  private number(inode: number, field: number): number {
    return this.inode(inode, field + 1) * 0x1_0000_0000 + this.inode(inode, field)
  }

  private text(at: number, length: number): string {
    // A view is cut to what there is.
    return length === 0 ? '' : this.bytes.subarray(at, at + length).latin1Slice()
  }

  private stored(at: number): number {
    return at + 4 <= this.bytes.length ? this.bytes.readUInt32LE(at) : 0
  }

  private storedWide(at: number): number {
    return this.stored(at + 4) * 0x1_0000_0000 + this.stored(at)
  }
}

/** STATX_BASIC_STATS: all of these fields are known. */
const BASIC_STATS = 0x7ff

/** A time's place in a stat record and in an inode; the change is the modification. */
const TIMES = [
  [ST.mtime, ST.mtimeNsec, INODE.mtime, INODE.mtimeNsec],
  [ST.ctime, ST.ctimeNsec, INODE.mtime, INODE.mtimeNsec],
  [ST.atime, ST.atimeNsec, INODE.atime, INODE.atimeNsec],
] as const
