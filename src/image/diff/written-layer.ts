// A writable layer as it is on the disk, for those who read it: an upper directory over other layers,
// or a whole tree and what that was before. What was changed in it, and its archives.
import type { ByteSource } from '../../bytes/byte-source.js'
import { type Change, changesOf } from './changes.js'
import { changesSince } from './tree-changes.js'
import { treeToTar, wholeTreeToTar } from './tree-to-tar.js'
import { type DiffOptions, rootToTar, upperToTar } from './upper-to-tar.js'

/** A tree that has no layers below it. */
export interface ChangedTree {
  /** Latin1 bytes. */
  readonly tree: string
  /** The file that tells what it was. */
  readonly inventory: string
}

export type WrittenLayer = DiffOptions | ChangedTree

/** The changes, in the order of their paths' bytes. @throws FsError, ImageError. */
export function changesIn(layer: WrittenLayer): Change[] {
  return 'tree' in layer ? changesSince(layer.tree, layer.inventory) : changesOf(layer)
}

/** The changes as the tar of an OCI layer. @throws FsError, ImageError. */
export function layerToTar(layer: WrittenLayer): ByteSource {
  return 'tree' in layer ? treeToTar(layer.tree, layer.inventory) : upperToTar(layer)
}

/** All that the layer and those below it show, as a flat tar. @throws FsError, ImageError. */
export function mergedToTar(layer: WrittenLayer): ByteSource {
  return 'tree' in layer ? wholeTreeToTar(layer.tree) : rootToTar(layer)
}
