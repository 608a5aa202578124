// The state that all operations of one overlay share, and the few questions every one of them
// asks. Operations are functions over it; it holds no policy of its own.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { type Channel, PENDING } from '../fuse/operations.js'
import { type Validity, NEVER, validity } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import { FdCache } from '../layer/fd-cache.js'
import type { LayerFormat } from '../layer/format.js'
import type { LayerDirectory } from '../layer/layer-directory.js'
import type { Layer } from '../layer/layer.js'
import type { IndexDirectory } from './index-directory.js'
import { LayerLookup } from './layer-lookup.js'
import type { InodeNumbers } from './inode-numbers.js'
import { ListingCache } from './listings.js'
import type { MergedTree } from './merged-tree/merged-tree.js'
import { type Directory, hasDirectory, type Node } from './node.js'
import { NodeTable } from './node-table.js'
import { wake, wakeNamed } from './dormant.js'
import { OpenDirectories } from './open-directory.js'
import type { OpenFiles } from './open-file.js'
import type { SpanFetcher } from './span-fetcher.js'
import type { OverlayOptions } from './options.js'
import { IdMap } from './id-map.js'
import { Pins } from './pins.js'
import { WalkAhead } from './walk-ahead.js'
import type { WorkDirectory } from './work-directory.js'

/** Open directories of layers, and open files for data that does not pass through. */
const DIRECTORY_FDS = 2048
const FILE_FDS = 1024
/**
 * Backing ids kept for idle files: each holds an open file in the kernel, and no descriptor. A walk
 * through the files of a large image finds them again.
 */
const BACKING_IDS = 16_384
const FEWEST_BACKING_IDS = 4096

/** What `openStack` found and prepared. */
export interface Stack {
  readonly format: LayerFormat
  readonly upper: Layer | null
  readonly lowers: readonly Layer[]
  readonly dataLowers: readonly Layer[]
  readonly work: WorkDirectory | null
  readonly index: IndexDirectory | null
  readonly inodeNumbers: InodeNumbers
}

export class Union {
  readonly nodes = new NodeTable((directory, index) => wake(this, directory, index))
  readonly directoryFds: FdCache
  readonly fileFds: FdCache
  readonly listings = new ListingCache()
  readonly pins: Pins
  readonly backingIds: number
  readonly ahead = new WalkAhead()
  readonly openDirectories = new OpenDirectories()
  /** How long the kernel may keep names and attributes. */
  kept: Validity
  readonly ids: IdMap
  layerLookup: LayerLookup
  /** The roots of the regular lowers, topmost first. */
  readonly rootLowers: readonly LayerDirectory[]
  readonly copyUps = { files: 0, directories: 0, bytes: 0 }
  /** Set when the session starts. */
  private session: Channel | null = null
  private openFiles: OpenFiles | null = null

  readonly options: OverlayOptions
  stack: Stack
  /** Secret of this mount: orders listings in a way nobody can steer. */
  readonly seed: number
  /** What the lowers show together, where that is recorded. */
  readonly tree: MergedTree | null

  /** Has compressed data of an archive decoded elsewhere; null where it is decoded here. */
  spans: SpanFetcher | null = null

  /**
   * With a merged tree the seed is the one that its listings are in order for.
   * @param share the part of the process's descriptors that this mount may have, 0 to 1.
   */
  constructor(
    options: OverlayOptions,
    stack: Stack,
    seed: number,
    tree: MergedTree | null = null,
    share = 1,
  ) {
    this.directoryFds = new FdCache(Math.ceil(DIRECTORY_FDS * share))
    this.fileFds = new FdCache(Math.ceil(FILE_FDS * share))
    this.pins = new Pins(share)
    this.backingIds = Math.max(FEWEST_BACKING_IDS, BACKING_IDS * share)
    this.options = options
    this.stack = stack
    this.seed = tree?.seed ?? seed
    this.tree = tree
    this.kept = options.attachesUpper ? NEVER : validity(options.timeout)
    this.ids = new IdMap(options)
    this.rootLowers = stack.lowers.map(layer => layer.root)
    this.layerLookup = this.lookupIn(stack)
  }

  /** Nobody changes the layers from outside: what was read of lowers stays true. */
  get layersStay(): boolean {
    return this.options.timeout === Infinity
  }

  /** The same lowers with an upper above them (see attach-upper.ts). */
  adopt(stack: Stack): void {
    this.stack = stack
    this.layerLookup = this.lookupIn(stack)
    this.kept = validity(this.options.timeout)
  }

  private lookupIn(stack: Stack): LayerLookup {
    const follows = this.options.redirectDir !== 'nofollow'
    return new LayerLookup(stack.format, this.directoryFds, follows)
  }

  /** New objects are made under their caller's ids: only root can. */
  readonly assumesCallers = process.geteuid?.() === 0

  /** The kernel says when set-id bits have to go (HANDLE_KILLPRIV_V2), and for ACLs too. */
  kernelSaysKill = true

  attach(channel: Channel, files: OpenFiles, kernelSaysKill: boolean): void {
    this.kernelSaysKill = kernelSaysKill
    this.session = channel
    this.openFiles = files
  }

  get channel(): Channel {
    if (this.session === null) throw new FsError(E.ENOTCONN, 'session')
    return this.session
  }

  get files(): OpenFiles {
    if (this.openFiles === null) throw new FsError(E.ENOTCONN, 'session')
    return this.openFiles
  }

  /** At the end of the mount: everything that is open but the layers' own descriptors. */
  closeFiles(): void {
    this.openFiles?.end()
    this.directoryFds.shrink()
    this.fileFds.shrink()
  }

  get format(): LayerFormat {
    return this.stack.format
  }

  /** The upper layer's work directory; throws EROFS where there is none. */
  get work(): WorkDirectory {
    if (this.stack.work === null || this.options.readOnly)
      throw new FsError(E.EROFS, 'work')
    return this.stack.work
  }

  /** The attribute that owners and modes of the upper are kept in; null where inodes have them. */
  get upperOverride(): string | null {
    return this.stack.upper?.override ?? null
  }

  get isWritable(): boolean {
    return this.stack.work !== null && !this.options.readOnly
  }

  /** The I/O rules of a writable mount hold, even before its upper is attached. */
  get isEverWritable(): boolean {
    return this.isWritable || this.options.attachesUpper
  }

  /**
   * Nothing is to be done or looked at when a file is opened: the mount never changes, whoever
   * may open is the kernel's to say, and no archive can have been changed meanwhile.
   */
  get opensUnasked(): boolean {
    const { noOpen, archive } = this.options
    return noOpen && !this.isEverWritable && this.assumesCallers && archive === null
  }

  /** A descriptor of a layer's directory, until the next call; throws FsError. */
  fd(directory: LayerDirectory): number {
    return directory.mustOpen(this.directoryFds)
  }

  /** A node that must be a directory with a name (a removed one has no entries any more). */
  directory(id: number): Node & { dir: Directory } {
    const node = this.nodes.get(id)
    if (!hasDirectory(node)) throw new FsError(E.ENOTDIR, 'directory')
    return node
  }

  /** A child that the kernel knows, or that leads to one it knows. */
  child(parent: Node & { dir: Directory }, name: string): Node | undefined {
    return parent.dir.children.get(name) ?? wakeNamed(this, parent, name)
  }

  /** Counts a lookup of a child that the kernel is about to be told of. */
  admitChild(parent: Node & { dir: Directory }, name: string, child: Node): void {
    if (child.id === 0) this.nodes.admit(child)
    child.lookups++
    parent.dir.children.set(name, child)
  }

  /** Validity of a node's attributes: those changed below us are asked for each time. */
  attrValidity(node: Node): Validity {
    return node.mappedBelow ? NEVER : this.kept
  }

  /** Parks a request until a node's copy-up is over, however it ends. */
  wait(node: Node, req: Request): number {
    if (node.copying === null) throw new FsError(E.EIO, 'wait')
    node.copying.bystanders.push(this.channel.park(req))
    return PENDING
  }
}

/** The upper directory of a parent that has been copied up; throws EIO otherwise. */
export function upperOf(parent: Node): LayerDirectory {
  const upper = parent.dir?.upper
  if (upper === null || upper === undefined) throw new FsError(E.EIO, 'upper')
  return upper
}
