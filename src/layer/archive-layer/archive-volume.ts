// The layers of an image that lie in archives, as one filesystem with one number space: answers
// for their objects what the kernel would if the layers were unpacked in a format, whiteouts and
// opaque marks included. An object is a number: first all names, layer by layer, then all inodes
// from the lowermost layer up, so that an inode's number is the same at every mount.
import { E } from '../../errno/errno.js'
import { O_PATH, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG } from '../../sys/constants.js'
import { S_IFCHR } from '../../sys/constants.js'
import { ST, STAT_WORDS } from '../../sys/stat.js'
import type { LayerFormat } from '../format.js'
import type { ArchiveIndex } from './archive-index.js'
import { ArchivedFile, type LayerTar } from './archived-file.js'
import { linkedFiles } from './linked-files.js'
import { type InodeAt, resolveBelow } from './resolve-below.js'

/** Our file handles: 8 bytes, an inode's number. No filesystem of the kernel's has this type. */
const HANDLE_TYPE = 0xf9
const HANDLE_BYTES = 8
const NAME_MAX = 255
/** STATX_BASIC_STATS. */
const BASIC_STATS = 0x7ff
const YES = 0x79

export interface ArchivedLayer {
  readonly index: ArchiveIndex
  readonly tar: LayerTar
}

/** Names lie in `bytes` from `start` to `end`. */
type Visitor = (
  bytes: Buffer,
  start: number,
  end: number,
  type: number,
  inoLow: number,
  inoHigh: number,
) => void

export class ArchiveVolume {
  /** How many objects there are. */
  readonly size: number
  readonly uuid: Uint8Array
  private readonly layers: readonly ArchivedLayer[]
  private readonly format: LayerFormat
  /** Of each layer: its first name, and its first inode. */
  private readonly firstNode: readonly number[]
  private readonly firstInode: readonly number[]
  private readonly nodes: number
  /** Whose attributes and contents an inode has that stands for one of a layer below. */
  private readonly lent: ReadonlyMap<number, InodeAt>
  /** Of inodes that are one file with others: the inode that stands for it, and its names. */
  private readonly linked: ReadonlyMap<number, { inode: number; nlink: number }>

  // The object of the call that is being answered; -1 for none.
  private layer = 0
  private node = 0
  private inode = 0

  /**
   * @param layers topmost first.
   * @param uuid 16 bytes that say which image it is.
   * @throws LayerRefusal for a hard link to what the layers below have not.
   */
  constructor(layers: readonly ArchivedLayer[], format: LayerFormat, uuid: Uint8Array) {
    this.layers = layers
    this.format = format
    this.uuid = uuid
    const firstNode: number[] = []
    let count = 0
    for (const { index } of layers) {
      firstNode.push(count)
      count += index.nodes
    }
    this.nodes = count
    const firstInode = new Array<number>(layers.length).fill(0)
    for (let i = layers.length - 1; i >= 0; i--) {
      firstInode[i] = count
      count += layers[i]?.index.inodes ?? 0
    }
    this.size = count
    this.firstNode = firstNode
    this.firstInode = firstInode
    const indexes = layers.map(({ index }) => index)
    const lends = resolveBelow(indexes)
    const numberOf = ({ layer, inode }: InodeAt): number =>
      (firstInode[layer] ?? 0) + inode
    this.lent = new Map(lends.map(one => [numberOf(one), one.from]))
    this.linked = new Map(
      linkedFiles(indexes, lends).flatMap(({ base, others, nlink }) =>
        [base, ...others].map(one => [numberOf(one), { inode: numberOf(base), nlink }]),
      ),
    )
  }

  /** A descriptor on the filesystem that the archive is on. */
  get anyFd(): number {
    return this.layers[0]?.tar.fd ?? -1
  }

  /** The object that is the root of a layer. */
  rootOf(layer: number): number {
    return this.firstNode[layer] ?? 0
  }

  stat(object: number, name: string, record: Uint32Array, at: number): number {
    const error = this.find(object, name)
    if (error < 0) return error
    this.fillRecord(record, at)
    return 0
  }

  statBatch(
    object: number,
    names: Buffer,
    offsets: Uint32Array,
    first: number,
    count: number,
    records: Uint32Array,
  ): number {
    for (let i = 0; i < count; i++) {
      const error = this.find(object, nameAt(names, offsets[first + i] ?? 0))
      if (error >= 0) this.fillRecord(records, i * STAT_WORDS)
      else {
        records[i * STAT_WORDS + ST.mask] = 0
        records[i * STAT_WORDS] = -error
      }
    }
    return 0
  }

  readlink(object: number, name: string, buffer: Uint8Array, at: number): number {
    const error = this.find(object, name)
    if (error < 0) return error
    const { index, inode } = this.owner()
    if (inode < 0 || (index.mode(inode) & S_IFMT) !== S_IFLNK) return -E.EINVAL
    const target = Buffer.from(index.linkText(inode), 'latin1')
    const part = target.subarray(0, buffer.length - at)
    buffer.set(part, at)
    return part.length
  }

  getxattr(object: number, name: string, attribute: string, value: Uint8Array): number {
    const error = this.find(object, name)
    if (error < 0) return error
    if (attribute === this.format.xattrs.opaque)
      return this.isOpaque() ? copyOut(OPAQUE, value) : -E.ENODATA
    const { index, inode } = this.owner()
    if (inode < 0 || !index.hasXattrs(inode)) return -E.ENODATA
    const shown = this.format.xattrs.fromDisk(attribute)
    const found = shown === null ? undefined : index.xattrs(inode).get(shown)
    return found === undefined ? -E.ENODATA : copyOut(found, value)
  }

  listxattr(object: number, name: string, list: Uint8Array): number {
    const error = this.find(object, name)
    if (error < 0) return error
    const names = this.xattrNames().map(attribute => `${attribute}\0`)
    return copyOut(Buffer.from(names.join(''), 'latin1'), list)
  }

  prefixBatch(
    object: number,
    names: Buffer,
    offsets: Uint32Array,
    first: number,
    count: number,
    prefix: string,
    marks: Uint8Array,
  ): number {
    for (let i = 0; i < count; i++) {
      const error = this.find(object, nameAt(names, offsets[first + i] ?? 0))
      const has = error < 0 || this.xattrNames().some(name => name.startsWith(prefix))
      marks[i] = has ? 1 : 0
    }
    return 0
  }

  /** An object, for a directory or O_PATH; -errno. */
  open(object: number, name: string, flags: number): number {
    const error = this.find(object, name)
    if (error < 0) return error
    if (this.inode >= 0 && this.isDirectory() && this.node >= 0)
      return (this.firstNode[this.layer] ?? 0) + this.node
    if (this.inode >= 0 && (flags & O_PATH) !== 0)
      return this.inodeNumber() - 1 + this.nodes
    return -E.ENOTDIR
  }

  list(object: number, visit: Visitor): number {
    const error = this.find(object, '')
    if (error < 0) return error
    const { layer, node } = this
    const index = this.layers[layer]?.index
    if (index === undefined || node < 0 || !this.isDirectory()) return -E.ENOTDIR
    index.visit(node, (child, bytes, start, end) => {
      this.enterNode(layer, child)
      const number = this.inode < 0 ? child + 1 : this.inodeNumber()
      visit(bytes, start, end, this.mode() >>> 12, number >>> 0, number / 0x1_0000_0000)
    })
    return 0
  }

  contents(object: number, name: string): ArchivedFile | number {
    const error = this.find(object, name)
    if (error < 0) return error
    const { index, inode, layer } = this.owner()
    const tar = this.layers[layer]?.tar
    if (inode < 0 || tar === undefined) return -E.ENOENT
    if ((index.mode(inode) & S_IFMT) !== S_IFREG) return -E.EINVAL
    return new ArchivedFile(index, inode, tar)
  }

  /** struct file_handle of an object; the bytes used or -errno. */
  handle(object: number, name: string, into: Buffer): number {
    const error = this.find(object, name)
    if (error < 0) return error
    if (this.inode < 0) return -E.EOPNOTSUPP
    into.writeUInt32LE(HANDLE_BYTES, 0)
    into.writeInt32LE(HANDLE_TYPE, 4)
    into.writeBigUInt64LE(BigInt(this.inodeNumber()), 8)
    return 8 + HANDLE_BYTES
  }

  openHandle(bytes: Buffer): number {
    const isOurs =
      bytes.length >= 8 + HANDLE_BYTES &&
      bytes.readUInt32LE(0) === HANDLE_BYTES &&
      bytes.readInt32LE(4) === HANDLE_TYPE
    if (!isOurs) return -E.ESTALE
    const object = Number(bytes.readBigUInt64LE(8)) - 1 + this.nodes
    return object >= this.nodes && object < this.size ? object : -E.ESTALE
  }

  /** Makes what a name leads to the object of the call. 0 or -errno. */
  private find(object: number, name: string): number {
    if (object < this.nodes) {
      const layer = lastBefore(this.firstNode, object)
      this.enterNode(layer, object - (this.firstNode[layer] ?? 0))
    } else this.enterInode(object)
    if (name === '' || name === '.') return 0
    if (!name.includes('/')) return this.step(name)
    for (const part of name.split('/')) {
      const error = part === '' || part === '.' ? 0 : this.step(part)
      if (error < 0) return error
    }
    return 0
  }

  private step(name: string): number {
    const index = this.layers[this.layer]?.index
    if (index === undefined || this.node < 0 || !this.isDirectory()) return -E.ENOTDIR
    if (name.length > NAME_MAX) return -E.ENAMETOOLONG
    const child = index.lookup(this.node, name)
    if (child < 0) return -E.ENOENT
    this.enterNode(this.layer, child)
    return 0
  }

  private enterNode(layer: number, node: number): void {
    this.layer = layer
    this.node = node
    this.inode = this.layers[layer]?.index.inodeOf(node) ?? -1
  }

  private enterInode(object: number): void {
    const { layers } = this
    this.layer = layers.findIndex(({ index }, layer) => {
      const first = this.firstInode[layer] ?? 0
      return object >= first && object < first + index.inodes
    })
    this.node = -1
    this.inode = object - (this.firstInode[this.layer] ?? 0)
  }

  /** st_ino: the inodes of the lowermost layer begin at 1. */
  private inodeNumber(): number {
    const own = this.ownNumber()
    return (this.linked.get(own)?.inode ?? own) - this.nodes + 1
  }

  private ownNumber(): number {
    return (this.firstInode[this.layer] ?? 0) + this.inode
  }

  /** Whose attributes the object has: its own, or those of one in a layer below. */
  private owner(): { index: ArchiveIndex; inode: number; layer: number } {
    const lent = this.inode < 0 ? undefined : this.lent.get(this.ownNumber())
    const layer = lent?.layer ?? this.layer
    const index = this.layers[layer]?.index
    if (index === undefined) throw new RangeError('no such layer')
    return { index, inode: lent?.inode ?? this.inode, layer }
  }

  private mode(): number {
    if (this.inode < 0) return S_IFCHR
    const { index, inode } = this.owner()
    return index.mode(inode)
  }

  private isDirectory(): boolean {
    return (this.mode() & S_IFMT) === S_IFDIR
  }

  private isOpaque(): boolean {
    const index = this.layers[this.layer]?.index
    return this.node >= 0 && this.isDirectory() && index?.isOpaque(this.node) === true
  }

  private xattrNames(): string[] {
    const { xattrs } = this.format
    const names = this.isOpaque() ? [xattrs.opaque] : []
    const { index, inode } = this.owner()
    if (inode < 0 || !index.hasXattrs(inode)) return names
    for (const name of index.xattrs(inode).keys()) {
      const stored = xattrs.toDisk(name)
      if (stored !== null) names.push(stored)
    }
    return names
  }

  private fillRecord(record: Uint32Array, at: number): void {
    if (this.inode < 0) {
      // A whiteout: the kernel's formats and the others read a 0/0 device as one.
      record.fill(0, at, at + STAT_WORDS)
      record[at + ST.mode] = S_IFCHR
      record[at + ST.nlink] = 1
      record[at + ST.ino] = this.node + 1
      record[at + ST.mask] = BASIC_STATS
    } else {
      const { index, inode } = this.owner()
      index.stat(inode, record, at)
      const own = this.layers[this.layer]?.index
      const linked = this.linked.get(this.ownNumber())
      record[at + ST.nlink] = linked?.nlink ?? own?.nlink(this.inode) ?? 1
      const number = this.inodeNumber()
      record[at + ST.ino] = number >>> 0
      record[at + ST.ino + 1] = Math.floor(number / 0x1_0000_0000)
    }
    // A device of no disk: what lies in archives is a filesystem of its own.
    record[at + ST.dev] = record[at + ST.dev + 1] = 0xffff_ffff
  }
}

const OPAQUE = Uint8Array.of(YES)

/** As getxattr(2) hands values out: the length alone where there is no room at all. */
function copyOut(bytes: Uint8Array, into: Uint8Array): number {
  if (into.length === 0) return bytes.length
  if (bytes.length > into.length) return -E.ERANGE
  into.set(bytes)
  return bytes.length
}

function nameAt(names: Buffer, start: number): string {
  return names.latin1Slice(start, names.indexOf(0, start))
}

/** Which of the ascending `starts` is the last that is not behind `value`. */
function lastBefore(starts: readonly number[], value: number): number {
  let low = 0
  let high = starts.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((starts[middle] ?? Infinity) <= value) low = middle + 1
    else high = middle
  }
  return low - 1
}
