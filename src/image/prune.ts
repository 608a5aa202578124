// `image prune`: removes untagged images, or with `all` every image that nobody uses.
import { sweepNow, type Swept } from './gc.js'
import type { Digest } from './model/digest.js'
import { removeImage as dropImage } from './store/entry-changes.js'
import type { ImageRecord } from './store/image-record.js'
import { recordsOf } from './store/images.js'
import type { Store } from './store/store.js'

export interface Pruned {
  readonly images: readonly {
    readonly id: Digest
    readonly untagged: readonly string[]
  }[]
  /** What went from the disk; null when another command was adding images: `gc` does it. */
  readonly swept: Swept | null
}

export interface PruneOptions {
  /** Also images that have names. */
  readonly all?: boolean
  /** Only images for which this holds. */
  readonly only?: (record: ImageRecord) => boolean
}

/** Images in use by a container or a mount stay, without a word, as Docker has it. */
export async function pruneImages(
  store: Store,
  options: PruneOptions = {},
): Promise<Pruned> {
  const images = await store.images.change(entries => {
    const used = new Set(store.uses.list().map(use => use.image))
    const doomed = recordsOf(entries).filter(
      record =>
        !used.has(record.id) &&
        (options.all === true || record.names.length === 0) &&
        (options.only?.(record) ?? true),
    )
    return {
      entries: doomed.reduce<typeof entries>(
        (left, { id }) => dropImage(left, id),
        entries,
      ),
      result: doomed.map(({ id, names, digests }) => ({
        id,
        untagged: [...names, ...digests],
      })),
    }
  })
  return { images, swept: await sweepNow(store) }
}
