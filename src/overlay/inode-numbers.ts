// st_ino: one number space for all layers, the same after copy-up, rename and remount. Layers of
// one filesystem keep their numbers; with several, the filesystem's number goes into the high
// bits (ovl_remap_lower_ino, the kernel's xino).
import type { Layer } from '../layer/layer.js'
import type { Node } from './node.js'

export class InodeNumbers {
  /** Bits taken from the top: ilog2(numfs - 1) + 2, as ovl_fill_super counts them. */
  private readonly bits: number
  private readonly shift: number

  private readonly narrow: boolean

  constructor(filesystems: number, narrow: boolean) {
    this.narrow = narrow
    this.bits = filesystems <= 1 ? 0 : 31 - Math.clz32(filesystems - 1) + 2
    this.shift = 32 - this.bits
  }

  /** Sets a node's number from an object's on its layer. */
  assign(node: Node, layer: Layer, inoLow: number, inoHigh: number): void {
    let high = inoHigh
    if (this.bits > 0) {
      if (inoHigh >>> this.shift !== 0) high = this.fold(inoHigh)
      high = (high | (layer.fsid << this.shift)) >>> 0
    }
    node.inoLow = this.narrow ? (inoLow ^ high) >>> 0 : inoLow
    node.inoHigh = this.narrow ? 0 : high
  }

  /** A number that already uses the high bits: they go to the middle, which few use. */
  private fold(high: number): number {
    const mask = (2 ** this.shift - 1) >>> 0
    const top = high >>> this.shift
    return ((high & mask) ^ (top << (this.shift >>> 1))) >>> 0
  }
}
