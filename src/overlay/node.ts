// What the union knows of one inode that the kernel knows: its names, where it lies in the
// layers, its number. Only data, and the small invariants between the fields.
import type { LayerDirectory } from '../layer/layer-directory.js'
import type { CopyUp } from './copy-file.js'
import type { Listing } from './listing.js'
import type { OpenFile } from './open-file.js'
import { S_IFDIR, S_IFMT } from '../sys/constants.js'

/** One name of a node. */
export interface Alias {
  parent: Node
  name: string
}

export class Node {
  /** Slot in the node table, what the kernel calls the nodeid; 0 once it is out of the table. */
  id = 0
  generation = 0
  /** Lookups the kernel counts and has not forgotten. */
  lookups = 0
  inoLow = 0
  inoHigh = 0
  /** First name; null parent for the root and for nodes without a name. */
  parent: Node | null = null
  name = ''
  /** Further names of a hard-linked inode. */
  aliases: Alias[] | null = null
  /** The object exists in the upper layer (of a directory: its upper part). */
  hasUpper = false
  /** Descriptor of an upper object that has no name any more, -1 otherwise. */
  pinnedFd = -1
  /** Or its name in the work directory, '' otherwise (see pins.ts). */
  parked = ''
  /** Names removed through this mount; the last one gone makes the node nameless. */
  unlinked = 0
  /** The lower object of a non-directory: its directory and name there. */
  lowerDir: LayerDirectory | null = null
  lowerName = ''
  /** The entry of its topmost lower object in the union's merged tree, -1 without one. */
  recorded = -1
  /** Key in the hard-link table, '' when the node is not in it. */
  linkKey = ''
  /** Union nlink of an indexed inode (ovl_get_nlink); -1 when the real one counts. */
  nlink = -1
  /** The upper carries an `origin`: it was copied up (OVL_TYPE_ORIGIN). */
  hasOrigin = false
  /** Name of the upper inode's entry in the index directory, '' when it has none. */
  indexEntry = ''
  /** The upper (or an upper lower) holds no data; it lies below `dataDir`. */
  dataDir: LayerDirectory | null = null
  dataName = ''
  /** Emulated inode flags (`protattr`): FS_IMMUTABLE_FL and FS_APPEND_FL. */
  protection = 0
  /** The last change of attributes took the file capabilities away. */
  lostCapability = false
  /** How often it is open for writing. */
  writers = 0
  /** Opened for writing in passthrough at least once: never cached again. */
  writtenBelow = false
  /** Opened read-write so: a shared mapping may change its attributes without a word to us. */
  mappedBelow = false
  dir: Directory | null = null
  file: OpenFile | null = null
  copying: CopyUp | null = null

  /** `mode`: type and permission bits; only the type is kept. */
  constructor(mode: number) {
    this.type = mode & S_IFMT
  }

  readonly type: number

  get isDirectory(): boolean {
    return this.type === S_IFDIR
  }

  /** No name is left: what remains is reached through descriptors only. */
  get isNameless(): boolean {
    return this.parent === null && this.id !== 1
  }

  /** Adds a name; the first one becomes the primary. */
  addName(parent: Node, name: string): void {
    if (this.parent === null) {
      this.parent = parent
      this.name = name
    } else if (!this.hasName(parent, name)) {
      ;(this.aliases ??= []).push({ parent, name })
    }
  }

  /** Takes a name away; another one, if any, becomes the primary. */
  removeName(parent: Node, name: string): void {
    if (this.parent === parent && this.name === name) {
      const next = this.aliases?.pop()
      this.parent = next?.parent ?? null
      this.name = next?.name ?? ''
    } else if (this.aliases !== null) {
      this.aliases = this.aliases.filter(a => a.parent !== parent || a.name !== name)
    }
    if (this.aliases?.length === 0) this.aliases = null
  }

  hasName(parent: Node, name: string): boolean {
    if (this.parent === parent && this.name === name) return true
    return this.aliases?.some(a => a.parent === parent && a.name === name) ?? false
  }
}

export function hasDirectory(node: Node): node is Node & { dir: Directory } {
  return node.dir !== null
}

/** The directory part of a node. */
export class Directory {
  /** Names the kernel knows, or that lead to nodes it knows. */
  readonly children = new Map<string, Node>()
  listing: Listing | null = null
  /** Children the kernel knows that have no node yet (see dormant.ts). */
  dormant = 0
  /** Lookups since the last listing: many of them make one worth while. */
  lookupsBeforeListing = 0
  /** The upper directory's `redirect`, as on disk. */
  redirect: string | null = null
  /** The upper directory is marked opaque. */
  opaque = false
  /** The upper directory is marked impure. */
  impure = false
  /** Removed, and only held by somebody's descriptor. */
  removed = false
  /** How often it is open, on mounts that change. */
  opens = 0
  /** What its lower parts show: a directory of the union's merged tree, -1 without one. */
  recorded = -1

  upper: LayerDirectory | null
  /** Lower parts, topmost first. */
  readonly lowers: readonly LayerDirectory[]

  constructor(upper: LayerDirectory | null, lowers: readonly LayerDirectory[]) {
    this.upper = upper
    this.lowers = lowers
  }

  /** OVL_TYPE_MERGE: names of several layers show up in it. */
  get isMerged(): boolean {
    return this.lowers.length + (this.upper === null ? 0 : 1) > 1
  }

  /** ovl_type_merge_or_lower. */
  get hasLower(): boolean {
    return this.lowers.length > 0
  }
}
