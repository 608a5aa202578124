// Records the merged trees of images that have just been unpacked, so that their first mount finds
// them. Where that cannot be, a mount tries again. A thread of the store's does it, which unpacks too:
// it is there already, and has nothing else to do when the last layer is unpacked.
import type { LayersRecorder } from '../image/load.js'
import type { Digest } from '../image/model/digest.js'
import type { ImageRecord } from '../image/store/image-record.js'
import { LateThread } from '../image/store/store-thread-client.js'
import type { Store } from '../image/store/store.js'
import { isTreeThere, type TreeFile } from '../image/store/tree-file.js'
import type { OverlayOptions } from '../overlay/options.js'
import { planImage } from './mount-image.js'

export interface RecordJob {
  readonly tree: TreeFile
  readonly overlay: OverlayOptions
}

type Environment = Readonly<Record<string, string | undefined>>

/** A thread of the store's that records trees as well. It is to be ended. */
export function recordingThread(): LateThread {
  return new LateThread(threadFile())
}

/** Records those that have no tree yet. */
export class TreeRecorder implements LayersRecorder {
  private readonly thread: LateThread
  private readonly env: Environment
  private readonly begun = new Map<string, Promise<void>>()
  private readonly problems: unknown[] = []

  /** @param thread a `recordingThread`. */
  constructor(thread: LateThread, env: Environment) {
    this.thread = thread
    this.env = env
  }

  begin(store: Store, diffIds: readonly Digest[]): void {
    try {
      const tree = store.treeOfLayers(diffIds)
      if (tree === null || this.begun.has(tree.path) || isTreeThere(tree)) return
      const job: RecordJob = { tree, overlay: overlayOf(store, diffIds, this.env) }
      const failed = (error: unknown): void => void this.problems.push(error)
      this.begun.set(tree.path, this.thread.run(job).catch(failed))
    } catch (error) {
      this.problems.push(error)
    }
  }

  /** @throws ImageError, or FsError when layers cannot be opened. */
  async ended(): Promise<void> {
    await Promise.all(this.begun.values())
    if (this.problems.length > 0) throw this.problems[0]
  }
}

/**
 * Records trees of images whose layers are all unpacked.
 * @throws as `TreeRecorder.ended`.
 */
export async function recordImages(
  store: Store,
  images: readonly ImageRecord[],
  env: Environment,
): Promise<void> {
  const thread = recordingThread()
  const recorder = new TreeRecorder(thread, env)
  try {
    await store.whileAdding(async () => {
      for (const image of images) recorder.begin(store, store.configOf(image).diffIds)
      await recorder.ended()
    })
  } finally {
    await thread.end()
  }
}

function overlayOf(
  store: Store,
  diffIds: readonly Digest[],
  env: Environment,
): OverlayOptions {
  const lowers = store.layers.paths(diffIds)
  const request = {
    name: 'image',
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
