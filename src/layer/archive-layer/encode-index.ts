// Writes an index of a layer's archive as the block that `index-layout.ts` describes.
import type { SparseRun, TarHeader } from '../../tar/entry.js'
import { type DraftInode, type DraftNode, isDirectory } from './build-index.js'
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

/** The bytes of the index of a tree. */
export function encodeIndex(root: DraftNode): Buffer {
  return new Encoder().encode(root)
}

/** Writes 64 bits of a whole number, negative ones as two's complement. */
function wide(words: Uint32Array, at: number, value: number): void {
  words[at] = value >>> 0
  words[at + 1] = Math.floor(value / 0x1_0000_0000) >>> 0
}

function fillFrom(words: Uint32Array, at: number, header: TarHeader): void {
  const { mtime, atime = mtime } = header
  words[at + INODE.uid] = header.uid
  words[at + INODE.gid] = header.gid
  wide(words, at + INODE.size, header.size)
  wide(words, at + INODE.mtime, mtime.sec)
  words[at + INODE.mtimeNsec] = mtime.nsec
  wide(words, at + INODE.atime, atime.sec)
  words[at + INODE.atimeNsec] = atime.nsec
  wide(words, at + INODE.dataAt, header.dataOffset)
}

/** What a directory's `..` entries count. */
function directoriesIn({ children }: DraftNode): number {
  let count = 0
  for (const { inode } of children.values())
    if (inode !== undefined && isDirectory(inode)) count++
  return count
}

class Encoder {
  private readonly inodes = new Map<DraftInode, number>()
  private readonly bytes: Buffer[] = []
  private length = 0

  /** Breadth first, so that the nodes of one directory lie together. */
  encode(root: DraftNode): Buffer {
    const order: { readonly name: string; readonly node: DraftNode }[] = [
      { name: '', node: root },
    ]
    const first: number[] = []
    // The list grows while it is walked.
    for (const { node: directory } of order) {
      first.push(order.length)
      const children = [...directory.children]
      children.sort(([one], [other]) => (one < other ? -1 : 1))
      for (const [name, node] of children) order.push({ name, node })
    }
    const nodes = new Uint32Array(order.length * NODE.words)
    order.forEach(({ name, node }, i) => {
      const at = i * NODE.words
      nodes[at + NODE.nameAt] = this.text(name)
      nodes[at + NODE.nameLength] = name.length
      nodes[at + NODE.inode] = this.inode(node.inode)
      if (node.inode !== undefined && isDirectory(node.inode))
        node.inode.nlink = 2 + directoriesIn(node)
      nodes[at + NODE.firstChild] = first[i] ?? 0
      nodes[at + NODE.children] = node.children.size
      nodes[at + NODE.flags] =
        (node.hides ? NODE_FLAG.hides : 0) | (node.opaque ? NODE_FLAG.opaque : 0)
    })
    const inodes = new Uint32Array(this.inodes.size * INODE.words)
    for (const [inode, number] of this.inodes)
      this.fill(inodes, number * INODE.words, inode)
    return this.join(order.length, nodes, inodes)
  }

  private join(count: number, nodes: Uint32Array, inodes: Uint32Array): Buffer {
    const head = new Uint32Array(HEAD.words)
    head.set(MAGIC)
    head[HEAD.nodes] = count
    head[HEAD.inodes] = this.inodes.size
    head[HEAD.bytes] = this.length
    const parts = [head, nodes, inodes].map(words => Buffer.from(words.buffer))
    return Buffer.concat([...parts, ...this.bytes])
  }

  private inode(inode: DraftInode | undefined): number {
    if (inode === undefined) return NO_INODE
    const known = this.inodes.get(inode)
    if (known !== undefined) return known
    this.inodes.set(inode, this.inodes.size)
    return this.inodes.size - 1
  }

  private fill(words: Uint32Array, at: number, inode: DraftInode): void {
    const { header, mode, rdev, nlink, lowerLink } = inode
    words[at + INODE.mode] = mode
    words[at + INODE.rdev] = rdev
    words[at + INODE.nlink] = nlink
    words[at + INODE.flags] =
      (header === undefined ? INODE_FLAG.implied : 0) |
      (lowerLink === undefined ? 0 : INODE_FLAG.lowerLink)
    const link = lowerLink ?? header?.linkname ?? ''
    words[at + INODE.linkAt] = this.text(link)
    words[at + INODE.linkLength] = link.length
    words[at + INODE.xattrsAt] = this.xattrs(header?.xattrs)
    words[at + INODE.sparseAt] = this.sparse(header?.sparse)
    if (header !== undefined) fillFrom(words, at, header)
  }

  private xattrs(xattrs: ReadonlyMap<string, Uint8Array> | undefined): number {
    if (xattrs === undefined || xattrs.size === 0) return NOWHERE
    const at = this.words([xattrs.size])
    for (const [name, value] of xattrs) {
      this.words([name.length, value.length])
      this.add(Buffer.from(name, 'latin1'))
      this.add(Buffer.from(value))
    }
    return at
  }

  private sparse(runs: readonly SparseRun[] | undefined): number {
    if (runs === undefined) return NOWHERE
    const at = this.words([runs.length])
    for (const { offset, length } of runs) {
      const words = new Uint32Array(4)
      wide(words, 0, offset)
      wide(words, 2, length)
      this.words([...words])
    }
    return at
  }

  private words(values: readonly number[]): number {
    return this.add(Buffer.from(Uint32Array.from(values).buffer))
  }

  private text(text: string): number {
    return text === '' ? 0 : this.add(Buffer.from(text, 'latin1'))
  }

  private add(bytes: Buffer): number {
    const at = this.length
    this.bytes.push(bytes)
    this.length += bytes.length
    return at
  }
}
