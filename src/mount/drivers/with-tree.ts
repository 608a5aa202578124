// The tree of a writable layer that is one whole tree, for those who read it: in its folder, or on
// its disk, which is mounted for that time without a place.
import type { WritableKind } from '../../image/store/writable.js'
import { close } from '../../sys/file.js'
import { openForReading } from './block.js'
import type { DriverName } from './driver.js'
import { whenFree } from './when-free.js'

/** Kinds without an upper directory. */
export type WholeTreeKind = 'vfs' | 'btrfs' | 'block'

/** Whether a writable layer of this kind, or driver, has no upper directory. */
export function isWholeTree(kind: WritableKind | DriverName): kind is WholeTreeKind {
  return kind === 'vfs' || kind === 'btrfs' || kind === 'block'
}

/**
 * Hands the tree's path to a reader, which is done when it returns, or what it returns is fulfilled.
 * @param folder of the layer, which may be mounted.
 * @throws what the reader throws, or a MountError.
 */
export async function withTree<Result>(
  folder: string,
  kind: WholeTreeKind,
  read: (tree: string) => Result | Promise<Result>,
): Promise<Result> {
  if (kind !== 'block') return read(`${folder}/tree`)
  const disk = await whenFree(() => openForReading(`${folder}/disk`))
  try {
    return await read(`/proc/self/fd/${disk}/.`)
  } finally {
    close(disk)
  }
}
