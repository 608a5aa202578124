// What is compared: each driver puts the same layers in one place, in its own way.
import type { Mode } from '../options.js'

export interface Layers {
  /** Topmost first; there are at least two, since kernel overlayfs asks for two. */
  readonly lowers: readonly string[]
  /** One directory with all of it, for the bare driver. */
  readonly merged: string
  /** Fresh and empty for each mount. */
  readonly upper: string
  readonly work: string
  readonly mountPoint: string
  /** The image whose layers these are, in a store of the program that is measured. */
  readonly image?: { readonly root: string; readonly name: string }
  /** What the names above are relative to, where they are not absolute. */
  readonly from?: string
}

export interface Driver {
  readonly name: string
  /** The user's own server: it does every work. */
  readonly added: boolean
  /** What it is, with its version, for the report; null when it cannot run here. */
  describe(): string | null
  /**
   * The merged tree at the path returned. `changed` names the parts of the tree that the
   * workload changes. The mark goes into the environment of every process started.
   */
  mount(layers: Layers, mode: Mode, changed: readonly string[], mark: string): string
  /** Ends what mount made; the server may still be ending. */
  unmount(path: string): void
}
