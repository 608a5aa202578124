// What a workload is: rows that are run one after another on one fresh mount. Each row is a call
// of the client with the merged root as its working directory, so that paths are relative.
import type { Mode, Size } from '../options.js'

export interface Row {
  readonly title: string
  /** Arguments of client.c. */
  readonly client: readonly string[]
  /** The figure that must be the same on every filesystem: the same work was done. */
  readonly proof: 'lines' | 'bytes'
}

/** Files that were made beside the layers before the first round. */
export interface Material {
  /** Names of some small files of the tree, one a line. */
  readonly list: string
  /** An archive of small files. */
  readonly archive: string
  readonly size: Size
}

export interface Workload {
  readonly name: string
  readonly modes: readonly Mode[]
  /** Parts of the tree that the rows change. */
  readonly changes: readonly string[]
  /** The page cache is emptied between the mount and the first row. */
  readonly dropsCaches?: boolean
  rows(material: Material): readonly Row[]
}
