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

/** Records on a thread of its own, which is to be ended. */
export class TreeRecorder {
  private worker: Worker | null = null

  /** Starts the thread, for work that is likely to come. */
  prepare(): void {
    this.worker ??= new Worker(threadFile())
  }

  /**
   * Records those that have no tree yet; once.
   * @param images whose layers are all unpacked.
   * @throws ImageError, or FsError when layers cannot be opened.
   */
  async record(
    store: Store,
    images: readonly ImageRecord[],
    env: Readonly<Record<string, string | undefined>>,
  ): Promise<void> {
    await store.whileAdding(async () => {
      const jobs = jobsOf(store, images, env)
      if (jobs.length === 0) return
      this.prepare()
      this.worker?.postMessage(jobs)
      if (this.worker !== null) await once(this.worker, 'exit')
    })
  }

  async end(): Promise<void> {
    await this.worker?.terminate()
  }
}

/** Records trees as `TreeRecorder.record` does. */
export async function recordImages(
  store: Store,
  images: readonly ImageRecord[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const recorder = new TreeRecorder()
  try {
    await recorder.record(store, images, env)
  } finally {
    await recorder.end()
  }
}

function jobsOf(
  store: Store,
  images: readonly ImageRecord[],
  env: Readonly<Record<string, string | undefined>>,
): RecordJob[] {
  const jobs = new Map<string, RecordJob>()
  for (const image of images) {
    const tree = store.treeOf(image)
    if (tree === null || isTreeThere(tree)) continue
    jobs.set(tree.path, { tree, overlay: overlayOf(store, image, env) })
  }
  return [...jobs.values()]
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
