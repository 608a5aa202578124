// Files with hard links across layers are one file: its names in the layer that made a link, and
// the names in the layers below that it leaves to be seen. Pure: works on indexes alone.
import type { ArchiveIndex } from './archive-index.js'
import {
  type InodeAt,
  isDirectoryNode,
  type Lent,
  rootsFrom,
  stepInto,
} from './resolve-below.js'

/** All inodes that are one file. */
export interface LinkedFile {
  /** The lowermost one, which has the attributes. */
  readonly base: InodeAt
  readonly others: readonly InodeAt[]
  /** Names that show it, seen from the topmost layer that linked to it. */
  readonly nlink: number
}

export function linkedFiles(
  layers: readonly ArchiveIndex[],
  lent: readonly Lent[],
): LinkedFile[] {
  const groups = new Map<string, Lent[]>()
  for (const one of lent.filter(({ linked }) => linked)) {
    const key = keyOf(one.from)
    groups.set(key, [...(groups.get(key) ?? []), one])
  }
  if (groups.size === 0) return []
  const members = new Map<string, string>()
  for (const [key, group] of groups)
    for (const inode of [...group, ...group.map(({ from }) => from)])
      members.set(keyOf(inode), key)
  const names = namesOf(layers, members)
  return [...groups].flatMap(([key, others]) => {
    const base = others[0]?.from
    if (base === undefined) return []
    const top = Math.min(...others.map(({ layer }) => layer))
    const shown = [...(names.get(key) ?? [])].filter(name => {
      const found = objectAt(layers, top, name)
      return found !== undefined && members.get(keyOf(found)) === key
    })
    return [{ base, others, nlink: shown.length }]
  })
}

/** By group, the paths of its inodes in whatever layer. Without recursion: trees are deep. */
function namesOf(
  layers: readonly ArchiveIndex[],
  members: ReadonlyMap<string, string>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const names = new Map<string, Set<string>>()
  for (const [layer, index] of layers.entries()) {
    const open = [{ node: 0, path: '' }]
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      const { node, path } = at
      index.visit(node, (child, bytes, start, end) => {
        const group = members.get(keyOf({ layer, inode: index.inodeOf(child) }))
        const isFolder = isDirectoryNode(index, child)
        if (group === undefined && !isFolder) return
        const name = `${path}/${bytes.latin1Slice(start, end)}`
        if (isFolder) open.push({ node: child, path: name })
        else if (group !== undefined)
          names.set(group, (names.get(group) ?? new Set<string>()).add(name))
      })
    }
  }
  return names
}

/** What the layers from `top` down show at a path, unless it is a directory. */
function objectAt(
  layers: readonly ArchiveIndex[],
  top: number,
  path: string,
): InodeAt | undefined {
  let parts = rootsFrom(layers, top)
  let object: InodeAt | undefined
  for (const name of path.split('/').slice(1))
    ({ parts, object } = stepInto(layers, parts, name))
  return object
}

function keyOf({ layer, inode }: InodeAt): string {
  return `${layer}:${inode}`
}
