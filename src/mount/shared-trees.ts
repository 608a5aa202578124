// Merged trees of images, each in memory once for all mounts of this process that show the image. A
// mount in a process of its own reads its tree by itself.
import { FsError } from '../errno/fs-error.js'
import { readTree, type TreeFile } from '../image/store/tree-file.js'
import { log } from '../log/log.js'

/** A tree that somebody uses. */
export interface HeldTree {
  /** Shared memory, from a whole word on. */
  readonly bytes: Uint8Array
  /** The use is over; the first call counts. */
  release(): void
}

export class SharedTrees {
  private readonly trees = new Map<string, { bytes: Uint8Array; uses: number }>()

  /**
   * The contents of a tree's file, read where nobody has it yet; null where there is no such tree,
   * which the mount makes then. Never throws FsError.
   */
  hold(file: TreeFile): HeldTree | null {
    const key = `${file.path}:${Buffer.from(file.key).toString('hex')}`
    const known = this.trees.get(key) ?? this.read(file)
    if (known === null) return null
    this.trees.set(key, known)
    known.uses += 1
    let isHeld = true
    return {
      bytes: known.bytes,
      release: () => {
        if (!isHeld) return
        isHeld = false
        known.uses -= 1
        if (known.uses === 0) this.trees.delete(key)
      },
    }
  }

  private read(file: TreeFile): { bytes: Uint8Array; uses: number } | null {
    try {
      const found = readTree(file)
      if (found === null) return null
      const bytes = new Uint8Array(new SharedArrayBuffer(found.length))
      bytes.set(found)
      return { bytes, uses: 0 }
    } catch (error) {
      if (!(error instanceof FsError)) throw error
      log.debug(`the index of an image cannot be read: ${error.message}`)
      return null
    }
  }
}
