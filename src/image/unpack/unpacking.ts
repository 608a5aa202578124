// What the steps of one layer's unpacking share.
import type { LayerFormat } from '../../layer/format.js'
import type { LayerStack } from '../../layer/layer-stack.js'
import type { ContentDigests } from '../inventory/content-digests.js'
import type { AttributeWriter } from './attributes.js'
import type { CopiedFiles } from './copied-files.js'
import type { LayerTree } from './layer-tree.js'
import type { UnpackLimits } from './limits.js'
import type { Ownership } from './ownership.js'

export interface Unpacking {
  readonly tree: LayerTree
  /** The layers below. */
  readonly stack: LayerStack
  readonly format: LayerFormat
  readonly ownership: Ownership
  readonly attributes: AttributeWriter
  readonly limits: UnpackLimits
  /** Files of the layers below that hard links have brought into this one. */
  readonly copied: CopiedFiles
  /** Of the files' contents; undefined where nobody wants them. */
  readonly digests: ContentDigests | undefined
}
