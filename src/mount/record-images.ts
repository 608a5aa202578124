// Records the merged trees of images that have just been unpacked, so that their first mount finds
// them. Where that cannot be, a mount tries again.
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { ImageRecord } from '../image/store/image-record.js'
import type { Store } from '../image/store/store.js'
import { isTreeThere, type TreeFile } from '../image/store/tree-file.js'
import type { OverlayOptions } from '../overlay/options.js'
import { planImage } from './mount-image.js'

export interface RecordJob {
  readonly tree: TreeFile
  readonly overlay: OverlayOptions
}

/**
 * Records those that have no tree yet.
 * @param images whose layers are all unpacked.
 * @throws ImageError, or FsError when layers cannot be opened.
 */
export async function recordImages(
  store: Store,
  images: readonly ImageRecord[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  await store.whileAdding(async () => {
    const jobs = new Map<string, RecordJob>()
    for (const image of images) {
      const tree = store.treeOf(image)
      if (tree === null || isTreeThere(tree)) continue
      jobs.set(tree.path, { tree, overlay: overlayOf(store, image, env) })
    }
    if (jobs.size === 0) return
    const worker = new Worker(threadFile(), { workerData: [...jobs.values()] })
    await once(worker, 'exit')
  })
}

function overlayOf(
  store: Store,
  image: ImageRecord,
  env: Readonly<Record<string, string | undefined>>,
): OverlayOptions {
  const lowers = store.layers.paths(store.configOf(image).diffIds)
  const request = {
    name: image.id,
    mountPoint: '/',
    options: [],
    foreground: false,
    debug: false,
  }
  return planImage(store, request, lowers, null, env).overlay
}

function threadFile(): URL {
  const bundled = !import.meta.url.includes('/mount/record-images.')
  return new URL(bundled ? './record.js' : './record-thread.js', import.meta.url)
}
