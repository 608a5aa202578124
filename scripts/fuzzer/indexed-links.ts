// Hard links of lower files in a raw upper: with `index=on` one upper inode, named in the index by
// its lower handle, stands for all its names, those that are not yet in the upper too.
// Which of the names is there is each side's own ('names of copied-up hard links'), so the entry
// of the index is compared for all of them, with the link count of the union.
import type { TreeEntry } from './trees.js'

const NLINK = 'trusted.overlay.nlink'

export function foldIndexedLinks(entries: readonly TreeEntry[]): TreeEntry[] {
  const inIndex = (entry: TreeEntry): boolean => entry.path.startsWith('work/index/0')
  const indexed = new Set(entries.filter(inIndex).map(entry => entry.ino))
  return entries
    .filter(entry => !indexed.has(entry.ino) || inIndex(entry))
    .map(entry => (inIndex(entry) ? withUnionCount(entry) : entry))
}

/** `U+N` is relative to the upper inode's links, one of which is the index's own. */
function withUnionCount(entry: TreeEntry): TreeEntry {
  const value = entry.xattrs.get(NLINK)
  if (value === undefined) return entry
  const text = Buffer.from(value.slice(1), 'hex').toString('latin1')
  const relative = /^U([+-]\d+)$/.exec(text)?.[1]
  if (relative === undefined) return entry
  const xattrs = new Map(entry.xattrs)
  xattrs.delete(NLINK)
  return { ...entry, xattrs, nlink: entry.nlink + Number(relative) }
}
