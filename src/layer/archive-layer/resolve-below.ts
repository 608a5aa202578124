// What a layer's archive leaves to the layers below: a directory without an entry is as they have
// it, a hard link to one of their files is a copy of it. Pure: works on indexes alone.
import { S_IFDIR, S_IFMT } from '../../sys/constants.js'
import { Refusal, shown } from '../refusal.js'
import type { ArchiveIndex } from './archive-index.js'

/** An inode in one of the layers, 0 the topmost. */
export interface InodeAt {
  readonly layer: number
  readonly inode: number
}

/** An inode that has the attributes and contents of another. */
export interface Lent extends InodeAt {
  readonly from: InodeAt
  /** By a hard link: both are one file (see linked-files.ts). */
  readonly linked: boolean
}

/** A Refusal that knows its layer. */
export class LayerRefusal extends Refusal {
  readonly layer: number

  constructor(layer: number, message: string) {
    super('malformed', message)
    this.layer = layer
  }
}

/** A directory's part in one layer. */
export interface Part {
  readonly layer: number
  readonly node: number
}

/** Everything that is lent, in layers topmost first. @throws LayerRefusal. */
export function resolveBelow(layers: readonly ArchiveIndex[]): Lent[] {
  const resolver = new Resolver(layers)
  for (let layer = layers.length - 1; layer >= 0; layer--) resolver.layer(layer)
  return resolver.lent
}

class Resolver {
  readonly lent: Lent[] = []
  private readonly known = new Map<string, InodeAt>()
  private readonly layers: readonly ArchiveIndex[]

  constructor(layers: readonly ArchiveIndex[]) {
    this.layers = layers
  }

  /** Those of one layer; the layers below are done. */
  layer(layer: number): void {
    const index = this.index(layer)
    const { implied, links } = index.borrowers()
    for (const inode of links) this.lend(layer, inode, this.linked(layer, inode), true)
    if (implied === 0) return
    this.directories(layer, 0, rootsFrom(this.layers, layer + 1))
  }

  /** Lends to directories without an entry, from `node` down. Without recursion: trees are deep. */
  private directories(layer: number, root: number, below: readonly Part[]): void {
    const index = this.index(layer)
    const open: { readonly node: number; readonly below: readonly Part[] }[] = [
      { node: root, below },
    ]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const { node, below } = at
      const [top] = below
      if (top === undefined) continue
      const inode = index.inodeOf(node)
      if (index.isImplied(inode))
        this.lend(
          layer,
          inode,
          { layer: top.layer, inode: this.index(top.layer).inodeOf(top.node) },
          false,
        )
      if (index.isOpaque(node)) continue
      index.visit(node, (child, bytes, start, end) => {
        if (!isDirectoryNode(index, child) || index.hides(child)) return
        const found = stepInto(this.layers, below, bytes.latin1Slice(start, end))
        if (found.parts.length > 0) open.push({ node: child, below: found.parts })
      })
    }
  }

  private linked(layer: number, inode: number): InodeAt {
    const path = this.index(layer).lowerLink(inode) ?? ''
    let below: readonly Part[] = rootsFrom(this.layers, layer + 1)
    const names = path.split('/')
    for (const [i, name] of names.entries()) {
      const found = stepInto(this.layers, below, name)
      if (i === names.length - 1 && found.object !== undefined) return found.object
      below = found.parts
    }
    throw new LayerRefusal(
      layer,
      below.length > 0
        ? `'${shown(path)}': a hard link to a directory`
        : `a hard link's target '${shown(path)}' does not exist`,
    )
  }

  private lend(layer: number, inode: number, target: InodeAt, linked: boolean): void {
    // What is lent may be lent itself.
    const from = this.known.get(key(target)) ?? target
    this.known.set(key({ layer, inode }), from)
    this.lent.push({ layer, inode, from, linked })
  }

  private index(layer: number): ArchiveIndex {
    const index = this.layers[layer]
    if (index === undefined) throw new RangeError('no such layer')
    return index
  }
}

/** The roots from a layer down to the first that shows nothing of those below it. */
export function rootsFrom(layers: readonly ArchiveIndex[], first: number): Part[] {
  const last = layers.findIndex((index, layer) => layer >= first && index.isOpaque(0))
  const end = last < 0 ? layers.length : last + 1
  return layers.slice(first, end).map((_, i) => ({ layer: first + i, node: 0 }))
}

/** What the merged directory of `parts` has under a name: a directory's parts, or an object. */
export function stepInto(
  layers: readonly ArchiveIndex[],
  parts: readonly Part[],
  name: string,
): { readonly parts: Part[]; readonly object: InodeAt | undefined } {
  const found: Part[] = []
  for (const part of parts) {
    const index = layers[part.layer]
    const node = index?.lookup(part.node, name) ?? -1
    if (index === undefined || node < 0) continue
    const inode = index.inodeOf(node)
    if (inode < 0) break
    if (!isDirectoryNode(index, node)) {
      if (found.length > 0) break
      return { parts: [], object: { layer: part.layer, inode } }
    }
    found.push({ layer: part.layer, node })
    if (index.isOpaque(node)) break
  }
  return { parts: found, object: undefined }
}

export function isDirectoryNode(index: ArchiveIndex, node: number): boolean {
  const inode = index.inodeOf(node)
  return inode >= 0 && (index.mode(inode) & S_IFMT) === S_IFDIR
}

function key({ layer, inode }: InodeAt): string {
  return `${layer}:${inode}`
}
