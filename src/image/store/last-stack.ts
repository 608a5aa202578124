// The layers that the last layer was unpacked over, kept open: of a chain of many, each layer has one
// more below it than the last, and opening all of them anew would cost the square of their number.
// A layer counts as one of them as soon as it is unpacked, before it is published.
import type { FormatName, LayerFormat } from '../../layer/format.js'
import { LayerStack } from '../../layer/layer-stack.js'

export class LastStack {
  private stack: LayerStack | null = null
  private paths: readonly string[] = []
  private format: FormatName | null = null

  /** @param paths roots of layers, topmost first. Valid until the next call; closing it is ours. */
  of(paths: readonly string[], name: FormatName, format: LayerFormat): LayerStack {
    const more = paths.length - this.paths.length
    const grown =
      this.stack !== null &&
      this.format === name &&
      more >= 0 &&
      this.paths.every((path, i) => path === paths[more + i])
    if (grown && this.stack !== null) this.stack = this.stack.under(paths.slice(0, more))
    else {
      this.stack?.close()
      this.stack = new LayerStack(paths, format)
    }
    this.paths = paths
    this.format = name
    return this.stack
  }

  /**
   * Lays a layer that was unpacked over the stack that `of` gave last.
   * @param directory where it lies now.
   * @param published the path by which `of` will be asked for it.
   */
  add(directory: string, published: string): void {
    if (this.stack === null) return
    // It is opened before it is moved, and for that those below it are.
    this.stack.root()
    this.stack = this.stack.under([directory])
    this.paths = [published, ...this.paths]
  }

  /** Closes what it holds. */
  close(): void {
    this.stack?.close()
    this.stack = null
    this.paths = []
  }
}
