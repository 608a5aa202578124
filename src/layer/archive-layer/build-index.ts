// Makes the index of a layer's archive in one pass over it, by the rules by which it would be
// unpacked: later entries win, whiteouts hide the layers below wherever they stand, nothing leads
// out. Keeps headers, never contents.
import type { ByteSource } from '../../bytes/byte-source.js'
import { encodeRdev } from '../../sys/stat.js'
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFREG,
} from '../../sys/constants.js'
import type { TarHeader, TarType } from '../../tar/entry.js'
import type { TarLimits } from '../../tar/limits.js'
import { TarReader } from '../../tar/reader.js'
import { type Components, componentsOf, parseEntryName } from '../entry-name.js'
import { Refusal, shown } from '../refusal.js'
import { encodeIndex } from './encode-index.js'

/** A name, while the archive is read. */
export interface DraftNode {
  inode: DraftInode | undefined
  readonly children: Map<string, DraftNode>
  hides: boolean
  opaque: boolean
}

/** What several names may lead to. */
export interface DraftInode {
  readonly mode: number
  readonly rdev: number
  /** Undefined for a directory without an entry. */
  readonly header: TarHeader | undefined
  /** Path of the file below that it is a copy of. */
  readonly lowerLink: string | undefined
  nlink: number
}

/** Limits of an archive that is indexed. */
export interface IndexLimits extends TarLimits {
  readonly depth: number
}

const TYPES: Readonly<Record<Exclude<TarType, 'link'>, number>> = {
  file: S_IFREG,
  directory: S_IFDIR,
  symlink: S_IFLNK,
  char: S_IFCHR,
  block: S_IFBLK,
  fifo: S_IFIFO,
}

/**
 * Reads a plain archive to its end; the bytes of its index.
 * @throws Refusal, TarError, or what the source throws; `onEntry` has heard the entry's name.
 */
export async function buildArchiveIndex(
  tar: ByteSource,
  limits: IndexLimits,
  onEntry: (path: string) => void = () => undefined,
): Promise<Buffer> {
  const reader = new TarReader(tar, limits)
  const draft = new IndexDraft(limits.depth)
  try {
    for (;;) {
      const next = reader.next()
      const header = next instanceof Promise ? await next : next
      if (header === undefined) return encodeIndex(draft.root)
      onEntry(header.path)
      draft.add(header)
    }
  } finally {
    await reader.close()
  }
}

class IndexDraft {
  readonly root: DraftNode = impliedDirectory()
  private readonly depth: number

  constructor(depth: number) {
    this.depth = depth
  }

  add(header: TarHeader): void {
    const name = parseEntryName(header.path, this.depth)
    if (name.kind === 'aufs') return
    if (name.kind === 'object') {
      this.object(name.components, header)
      return
    }
    if (header.type !== 'file')
      throw new Refusal('malformed', `a whiteout that is a ${header.type}`)
    const directory = this.directory(name.directory)
    if (name.kind === 'opaque') directory.opaque = true
    else child(directory, name.name).hides = true
  }

  private object(components: Components, header: TarHeader): void {
    const name = components.at(-1)
    if (name === undefined && header.type !== 'directory')
      throw new Refusal('malformed', `the root of the layer is a ${header.type}`)
    const node =
      name === undefined
        ? this.root
        : child(this.directory(components.slice(0, -1)), name)
    if (header.type === 'link') this.link(node, header)
    else {
      if (header.type !== 'directory') empty(node)
      replace(node, inodeOf(header, header.type))
    }
  }

  /** The directory with that name, made where there is nothing. */
  private directory(components: Components): DraftNode {
    let at = this.root
    for (const name of components) {
      at = child(at, name)
      if (at.inode === undefined) at.inode = impliedInode()
      else if (!isDirectory(at.inode))
        throw new Refusal(
          'malformed',
          `'${shown(name)}' of its path is not a directory in this layer`,
        )
    }
    return at
  }

  private link(node: DraftNode, header: TarHeader): void {
    const to = componentsOf(header.linkname, this.depth)
    if (to.length === 0) throw new Refusal('malformed', 'a hard link to the root')
    const target = this.target(to)
    if (target !== undefined && isDirectory(target))
      throw new Refusal('malformed', 'a hard link to a directory')
    const inode = target ?? this.lowerLink(to, header)
    if (node.inode === inode) return
    empty(node)
    replace(node, inode)
  }

  /** What the target is in this layer; undefined where only a layer below can have it. */
  private target(to: Components): DraftInode | undefined {
    let at: DraftNode | undefined = this.root
    for (const name of to) {
      if (at.inode !== undefined && !isDirectory(at.inode))
        throw new Refusal(
          'malformed',
          `its target '${shown(to.join('/'))}' does not exist`,
        )
      at = at.children.get(name)
      if (at === undefined) return undefined
    }
    return at.inode
  }

  /** Both names lead to one new inode: a copy of the lower file. */
  private lowerLink(to: Components, header: TarHeader): DraftInode {
    const inode = {
      mode: S_IFREG,
      rdev: 0,
      header,
      lowerLink: to.join('/'),
      nlink: 0,
    }
    const parent = this.directory(to.slice(0, -1))
    replace(child(parent, to.at(-1) ?? ''), inode)
    return inode
  }
}

function child(directory: DraftNode, name: string): DraftNode {
  const found = directory.children.get(name)
  if (found !== undefined) return found
  const made = { inode: undefined, children: new Map(), hides: false, opaque: false }
  directory.children.set(name, made)
  return made
}

function replace(node: DraftNode, inode: DraftInode): void {
  if (node.inode !== undefined) node.inode.nlink--
  node.inode = inode
  inode.nlink++
}

/** Takes away what a directory had, for a later entry that is none. */
function empty(node: DraftNode): void {
  for (const below of node.children.values()) {
    if (below.inode !== undefined) below.inode.nlink--
    empty(below)
  }
  node.children.clear()
  node.opaque = false
}

/** Of any inode of a draft. */
export function isDirectory({ mode }: DraftInode): boolean {
  return (mode & 0o170000) === S_IFDIR
}

function impliedInode(): DraftInode {
  const mode = S_IFDIR | 0o755
  return { mode, rdev: 0, header: undefined, lowerLink: undefined, nlink: 1 }
}

function impliedDirectory(): DraftNode {
  return { inode: impliedInode(), children: new Map(), hides: false, opaque: false }
}

function inodeOf(header: TarHeader, type: Exclude<TarType, 'link'>): DraftInode {
  const { uid, gid } = header
  if (!isId(uid) || !isId(gid))
    throw new Refusal('malformed', `an owner ${uid}:${gid} that cannot be`)
  if (type === 'symlink' && header.linkname === '')
    throw new Refusal('malformed', 'a symlink to nothing')
  const permissions = type === 'symlink' ? 0o777 : header.mode & 0o7777
  const rdev = type === 'char' || type === 'block' ? deviceOf(header) : 0
  return { mode: TYPES[type] | permissions, rdev, header, lowerLink: undefined, nlink: 0 }
}

function deviceOf({ type, devmajor, devminor }: TarHeader): number {
  const isWithin =
    devmajor >= 0 && devmajor <= 0xfff && devminor >= 0 && devminor <= 0xfffff
  if (!isWithin)
    throw new Refusal(
      'malformed',
      `a device number ${devmajor}/${devminor} that cannot be`,
    )
  if (type === 'char' && devmajor === 0 && devminor === 0)
    throw new Refusal('unsupported', 'a character device 0/0, which would be a whiteout')
  return encodeRdev(devmajor, devminor)
}

/** (uid_t) -1 means "leave it" to the kernel, and is nobody's id. */
function isId(id: number): boolean {
  return id >= 0 && id < 0xffff_ffff
}
