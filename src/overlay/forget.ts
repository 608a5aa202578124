// FORGET: the kernel has dropped an inode. A directory stays while nodes lie below it, since
// their names lead through it.
import { forgetDormant } from './dormant.js'
import { hasDirectory, type Node } from './node.js'
import { ROOT_ID } from './node-table.js'
import { unpin } from './pins.js'
import type { Union } from './union.js'

/** Takes `count` lookups off a node, and the node away when none is left. */
export function forgetNode(u: Union, nodeid: number, count: number): void {
  const node = u.nodes.find(nodeid)
  if (node === null) return
  const dormant = u.nodes.dormantIndex(nodeid)
  if (dormant >= 0 && hasDirectory(node)) forgetDormant(u, node, dormant, count)
  else node.lookups = Math.max(node.lookups - count, 0)
  let at: Node | null = node
  while (at !== null && mayGo(at)) at = remove(u, at)
}

function mayGo(node: Node): boolean {
  if (node.id === ROOT_ID || node.id === 0 || node.lookups > 0) return false
  return node.dir === null || (node.dir.children.size === 0 && node.dir.dormant === 0)
}

/** Gives a node's resources back; returns the parent, which may be free to go now. */
function remove(u: Union, node: Node): Node | null {
  const { parent } = node
  if (parent !== null) unlist(parent, node.name, node)
  for (const alias of node.aliases ?? []) unlist(alias.parent, alias.name, node)
  u.nodes.remove(node)
  if (hasDirectory(node)) {
    u.listings.drop(node)
    if (node.dir.upper !== null) u.directoryFds.drop(node.dir.upper)
    for (const lower of node.dir.lowers) u.directoryFds.drop(lower)
  }
  if (node.file !== null && node.file.opens === 0) u.files.forget(node)
  unpin(u, node)
  return parent
}

function unlist(parent: Node, name: string, node: Node): void {
  if (parent.dir?.children.get(name) === node) parent.dir.children.delete(name)
}
