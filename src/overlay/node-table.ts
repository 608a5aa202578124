// Nodes by the number the kernel knows them by. A slot is used again after FORGET, with a new
// generation: nodeid and generation together name a node only once in the life of a mount.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import type { Node } from './node.js'

export const ROOT_ID = 1

export class NodeTable {
  private readonly slots: (Node | null)[] = [null]
  private readonly generations: number[] = [0]
  private readonly free: number[] = []
  /** Hard-linked inodes by identity, so that two names find one node. */
  readonly links = new Map<string, Node>()
  private count = 0

  get size(): number {
    return this.count
  }

  /** Gives a node its number. The first one admitted is the root. */
  admit(node: Node): void {
    const id = this.free.pop() ?? this.slots.length
    const generation = this.generations[id] ?? 0
    this.slots[id] = node
    this.generations[id] = generation
    node.id = id
    node.generation = generation
    this.count++
    if (node.linkKey !== '') this.links.set(node.linkKey, node)
  }

  /** The node of a request. Throws ESTALE for numbers the kernel should not know. */
  get(id: number): Node {
    const node = this.slots[id]
    if (node === null || node === undefined)
      throw new FsError(E.ESTALE, 'node', String(id))
    return node
  }

  find(id: number): Node | null {
    return this.slots[id] ?? null
  }

  remove(node: Node): void {
    if (node.id === 0) return
    this.slots[node.id] = null
    this.generations[node.id] = (this.generations[node.id] ?? 0) + 1
    this.free.push(node.id)
    node.id = 0
    this.count--
    if (node.linkKey !== '' && this.links.get(node.linkKey) === node)
      this.links.delete(node.linkKey)
  }

  *all(): Generator<Node> {
    for (const node of this.slots) if (node !== null) yield node
  }
}
