// An image to save, with the names it is saved under. Types alone.
import type { ImageConfig } from '../model/config.js'
import type { Manifest } from '../model/manifest.js'
import type { ImageRecord } from '../store/image-record.js'
import type { ChainLink } from '../store/layers.js'

export interface SavedImage {
  readonly record: ImageRecord
  /** Full names; empty when it was asked for by ID. */
  readonly names: readonly string[]
  readonly config: ImageConfig
  /** As it came. */
  readonly manifest: Manifest
  /** Base first. */
  readonly links: readonly ChainLink[]
}
