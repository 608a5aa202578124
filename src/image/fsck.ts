// `fsck`: looks at everything in a store, and with `repair` mends what can be mended. Blobs are read
// against their digests; layers are unpacked anew beside themselves and compared, so that nothing
// recorded on the same disk has to be believed.
import { checkBlobs } from './fsck/check-blobs.js'
import { checkImages } from './fsck/check-images.js'
import { checkLayers } from './fsck/check-layers.js'
import type { Problem } from './fsck/problem.js'
import { silent, type Progress } from './progress.js'
import type { Store } from './store/store.js'
import { takeLock } from './store/store-lock.js'

export type { Problem } from './fsck/problem.js'

export interface FsckOptions {
  readonly repair?: boolean
  readonly progress?: Progress
  /** Called once when a command that adds images has to be waited for. */
  readonly onWait?: () => void
}

export interface FsckReport {
  readonly problems: readonly Problem[]
  readonly blobs: number
  readonly layers: number
  readonly images: number
}

/**
 * Nobody adds or removes anything meanwhile. @throws ImageError when the records themselves cannot
 * be read.
 */
export async function checkStore(
  store: Store,
  options: FsckOptions = {},
): Promise<FsckReport> {
  const progress = options.progress ?? silent
  const repair = options.repair === true
  const lock = await takeLock(store.place.contentLock, 'exclusive', options.onWait)
  try {
    const blobs = store.blobs.list()
    const layers = store.layers.list()
    const images = store.images.list()
    const problems = [
      ...(await checkBlobs(store, blobs, repair, progress)),
      ...(await checkLayers(store, layers, repair, progress)),
      ...(await checkImages(store, repair, progress)),
    ]
    return {
      problems,
      blobs: blobs.length,
      layers: layers.length,
      images: images.length,
    }
  } finally {
    lock.release()
  }
}
