// Layers of a test: directories on one of the test's own filesystems, filled from trees.
import { freshDirectory, sharedFilesystem, type Kind } from './images.js'
import type { Layers } from './mounted.js'
import { makeTree, type Tree } from './tree.js'

export interface StackOptions {
  /** Topmost first. */
  readonly lowers: readonly Tree[]
  /** What the upper begins with; without it there is none. */
  readonly upper?: Tree
  /** The filesystem of the upper, ext4 unless told, and of the lowers, the same unless told. */
  readonly kind?: Kind
  readonly lowerKind?: Kind
}

export type WritableLayers = Required<Layers>

/** Layers with an upper, which is empty unless told. */
export async function makeStack(options: StackOptions): Promise<WritableLayers> {
  const { lowers, upper = {}, kind = 'ext4', lowerKind = kind } = options
  const below = (await sharedFilesystem(lowerKind)).root
  const above = (await sharedFilesystem(kind)).root
  const lower = lowers.map(tree => {
    const directory = freshDirectory(below, 'lower')
    makeTree(directory, tree)
    return directory
  })
  const made = freshDirectory(above, 'upper')
  makeTree(made, upper)
  return { lower, upper: made, work: freshDirectory(above, 'work') }
}

/** An upper and work directory of their own beside the same lowers. */
export async function anotherUpper(
  layers: Layers,
  kind: Kind = 'ext4',
): Promise<WritableLayers> {
  const above = (await sharedFilesystem(kind)).root
  return {
    lower: layers.lower,
    upper: freshDirectory(above, 'upper'),
    work: freshDirectory(above, 'work'),
  }
}
