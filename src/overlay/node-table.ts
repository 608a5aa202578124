// Nodes by the number the kernel knows them by. A slot is used again after FORGET, with a new
// generation: nodeid and generation together name a node only once in the life of a mount.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { type Directory, hasDirectory, type Node } from './node.js'

export const ROOT_ID = 1

const FIRST_SLOTS = 1024

type DirectoryNode = Node & { dir: Directory }

export class NodeTable {
  /** A node, or the directory that a dormant child lies in. */
  private readonly slots: (Node | null)[] = [null]
  /** Of a dormant child: its index in that directory's listing, and 1. 0 for nodes. */
  private places = new Uint32Array(FIRST_SLOTS)
  private generations = new Uint32Array(FIRST_SLOTS)
  private readonly free: number[] = []
  /** Hard-linked inodes by identity, so that two names find one node. */
  readonly links = new Map<string, Node>()
  private count = 0
  private readonly awaken: (directory: DirectoryNode, index: number) => Node

  /** `awaken` makes the node of a dormant child, and calls `wake`. */
  constructor(awaken: (directory: DirectoryNode, index: number) => Node) {
    this.awaken = awaken
  }

  get size(): number {
    return this.count
  }

  /** Gives a node its number. The first one admitted is the root. */
  admit(node: Node): void {
    this.place(this.take(), node)
    if (node.linkKey !== '') this.links.set(node.linkKey, node)
  }

  /** Gives a listed child a number without a node. */
  admitDormant(directory: DirectoryNode, index: number): number {
    const id = this.take()
    this.slots[id] = directory
    this.places[id] = index + 1
    return id
  }

  /** The node of a dormant child takes its number over. */
  wake(id: number, node: Node): void {
    this.place(id, node)
  }

  /** The node of a request. Throws ESTALE for numbers the kernel should not know. */
  get(id: number): Node {
    const node = this.slots[id]
    if (node === null || node === undefined)
      throw new FsError(E.ESTALE, 'node', String(id))
    const place = this.places[id] ?? 0
    return place !== 0 && hasDirectory(node) ? this.awaken(node, place - 1) : node
  }

  /** The node of a number, or the directory of a dormant child; see `dormantIndex`. */
  find(id: number): Node | null {
    return this.slots[id] ?? null
  }

  /** Index in the listing of `find`'s directory; -1 where the number has a node. */
  dormantIndex(id: number): number {
    return (this.places[id] ?? 0) - 1
  }

  generationOf(id: number): number {
    return this.generations[id] ?? 0
  }

  remove(node: Node): void {
    if (node.id === 0) return
    this.removeDormant(node.id)
    node.id = 0
    if (node.linkKey !== '' && this.links.get(node.linkKey) === node)
      this.links.delete(node.linkKey)
  }

  /** Frees a number. */
  removeDormant(id: number): void {
    this.slots[id] = null
    this.places[id] = 0
    this.generations[id] = (this.generations[id] ?? 0) + 1
    this.free.push(id)
    this.count--
  }

  /** All numbers: a node, or the directory and the index of a dormant child. */
  *all(): Generator<readonly [node: Node, dormantIndex: number]> {
    for (const [id, node] of this.slots.entries())
      if (node !== null) yield [node, this.dormantIndex(id)]
  }

  private take(): number {
    this.count++
    const freed = this.free.pop()
    if (freed !== undefined) return freed
    if (this.slots.length === this.places.length) this.grow()
    return this.slots.length
  }

  private grow(): void {
    const [places, generations] = [this.places, this.generations]
    this.places = new Uint32Array(2 * places.length)
    this.generations = new Uint32Array(2 * places.length)
    this.places.set(places)
    this.generations.set(generations)
  }

  private place(id: number, node: Node): void {
    this.slots[id] = node
    this.places[id] = 0
    node.id = id
    node.generation = this.generationOf(id)
  }
}
