// st_ino: one number space for all layers, the same after copy-up, rename and remount. Layers of
// one filesystem keep their numbers; with several, the filesystem's number goes into the high
// bits (ovl_remap_lower_ino, the kernel's xino).
import type { Layer } from '../layer/layer.js'
import { ST } from '../sys/stat.js'
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
    const high = this.remap(layer, inoHigh)
    node.inoLow = this.narrow ? (inoLow ^ high) >>> 0 : inoLow
    node.inoHigh = this.narrow ? 0 : high
  }

  /** Puts an object's number as the union shows it into its own stat record. */
  show(layer: Layer, records: Uint32Array, at: number): void {
    const high = this.remap(layer, records[at + ST.ino + 1] ?? 0)
    if (this.narrow) records[at + ST.ino] = (records[at + ST.ino] ?? 0) ^ high
    records[at + ST.ino + 1] = this.narrow ? 0 : high
  }

  private remap(layer: Layer, high: number): number {
    if (this.bits === 0) return high
    const free = high >>> this.shift === 0 ? high : this.fold(high)
    return (free | (layer.fsid << this.shift)) >>> 0
  }

  /** A number that already uses the high bits: they go to the middle, which few use. */
  private fold(high: number): number {
    const mask = (2 ** this.shift - 1) >>> 0
    const top = high >>> this.shift
    return ((high & mask) ^ (top << (this.shift >>> 1))) >>> 0
  }
}
