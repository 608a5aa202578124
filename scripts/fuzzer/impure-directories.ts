// The `impure` mark of directories in a raw upper, which says that objects from below lie in
// them. Not compared: 'impure marks of directories that hold nothing from below'.
import type { TreeEntry } from './trees.js'

const IMPURE = 'trusted.overlay.impure'
const ORIGIN = 'trusted.overlay.origin'

export function withoutSpentMarks(entries: readonly TreeEntry[]): TreeEntry[] {
  const holders = new Set(
    entries.filter(({ xattrs }) => xattrs.has(ORIGIN)).map(({ path }) => parentOf(path)),
  )
  return entries.map(entry => {
    if (!entry.xattrs.has(IMPURE) || holders.has(entry.path)) return entry
    const xattrs = new Map(entry.xattrs)
    xattrs.delete(IMPURE)
    return { ...entry, xattrs }
  })
}

/** `upper/.` is the root's path. */
function parentOf(path: string): string {
  const parent = path.slice(0, path.lastIndexOf('/'))
  return parent.includes('/') ? parent : `${parent}/.`
}
