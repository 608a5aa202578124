// The tree of a writable layer that is one whole tree, for those who read it: where it is mounted, or
// in its folder, or on its disk, which is mounted for that time without a place.
import type { WritableKind } from '../../image/store/writable.js'
import { close } from '../../sys/file.js'
import { openDisk } from './block.js'
import { mountPointOf } from './find-mounts.js'

/** Kinds without an upper directory. */
export function isWholeTree(kind: WritableKind): boolean {
  return kind === 'vfs' || kind === 'btrfs' || kind === 'block'
}

/**
 * Hands the tree's path to a reader, which is done when it returns, or what it returns is fulfilled.
 * @param root of the store; `name` of the layer's folder.
 * @throws what the reader throws, or a MountError.
 */
export async function withTree<Result>(
  root: string,
  name: string,
  kind: WritableKind,
  read: (tree: string) => Result | Promise<Result>,
): Promise<Result> {
  const folder = `${root}/writable/${name}`
  if (kind !== 'block') return read(`${folder}/tree`)
  const mountPoint = mountPointOf(root, name)
  if (mountPoint !== null) return read(mountPoint)
  const disk = openDisk(`${folder}/disk`, 'read-only')
  try {
    return await read(`/proc/self/fd/${disk}/.`)
  } finally {
    close(disk)
  }
}
