// The merged tree of an image's layers, from the store, or recorded now where the store has none.
// Whatever is wrong with the file, a mount goes on: with a tree made anew, or without one.
import { randomInt } from 'node:crypto'
import { FsError } from '../errno/fs-error.js'
import { FdCache } from '../layer/fd-cache.js'
import { readTree, type TreeFile, writeTree } from '../image/store/tree-file.js'
import { log } from '../log/log.js'
import { MergedTree } from '../overlay/merged-tree/merged-tree.js'
import { recordTree } from '../overlay/merged-tree/record-tree.js'
import { openStack } from '../overlay/open-stack.js'
import type { OverlayOptions } from '../overlay/options.js'
import { admitRoot } from '../overlay/root.js'
import { type Stack, Union } from '../overlay/union.js'

/**
 * The tree of layers that have been opened, which are all that the mount's lowers are; null where
 * there is none to be had, which is logged. Never throws FsError.
 * @param bytes what is in the file, where that is known.
 */
export function openMergedTree(
  file: TreeFile,
  bytes: Uint8Array | null,
  options: OverlayOptions,
  stack: Stack,
): MergedTree | null {
  try {
    const known = bytes ?? readTree(file)
    const tree = known === null ? null : MergedTree.of(known)
    return tree ?? MergedTree.of(writeTree(file, () => record(options, stack)))
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    log.debug(`going on without the index of the image: ${error.message}`)
    return null
  }
}

/** The tree of layers that nobody has opened. Throws FsError where they cannot be. */
export function recordLayers(file: TreeFile, options: OverlayOptions): void {
  const opened = openStack(options, new FdCache(64), 0)
  try {
    openMergedTree(file, null, options, opened.stack)
  } finally {
    opened.close()
  }
}

/** By a union of its own, whose nodes nobody knows: owners as the layers have them. */
function record(options: OverlayOptions, stack: Stack): Uint8Array {
  const plain = { uidMap: [], gidMap: [], squashUid: null, squashGid: null }
  const union = new Union({ ...options, ...plain }, stack, randomInt(2 ** 32))
  try {
    admitRoot(union)
    return recordTree(union)
  } finally {
    union.directoryFds.shrink()
  }
}
