// `writable ls`, `rm` and `prune`: the writable layers that mounts have left under a name.
import { setTimeout as delay } from 'node:timers/promises'
import { ImageError } from './model/errors.js'
import type { Digest } from './model/digest.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'
import { takeLock } from './store/store-lock.js'
import { treeSize } from './tree-size.js'

/** A writable layer with a name. */
export interface NamedLayer {
  readonly name: string
  /** The image it lies on; null where its record is not there. */
  readonly imageId: Digest | null
  /** That image; null where it is gone. */
  readonly image: ImageRecord | null
  /** Mount points that use it (text). */
  readonly mounts: readonly string[]
}

/** All of them, sorted by name. @throws ImageError. */
export function namedLayers(store: Store): NamedLayer[] {
  const images = store.images.list()
  const uses = store.uses.list()
  return store.writable
    .names()
    .toSorted()
    .map(name => {
      const imageId = store.writable.imageOf(name)
      return {
        name,
        imageId,
        image: images.find(({ id }) => id === imageId) ?? null,
        mounts: uses.filter(use => use.writable === name).map(use => use.name),
      }
    })
}

/** Bytes on the disk. @throws FsError. */
export function layerSize(store: Store, name: string): number {
  return treeSize(`${store.place.writable}/${name}`)
}

/** A server may still be ending when its umount(8) has returned. */
const ENDING_MS = 2000
const LOOK_AGAIN_MS = 50

/**
 * Removes one; the bytes that it had.
 * @throws ImageError `not-found`, or `in-use` with the mount points.
 */
export async function removeLayer(store: Store, name: string): Promise<number> {
  const deadline = Date.now() + ENDING_MS
  for (;;) {
    const removed = await removeIfUnused(store, name)
    if (typeof removed === 'number') return removed
    if (Date.now() > deadline)
      throw new ImageError(
        'in-use',
        `the writable layer ${name} is in use by mount ${removed.join(', ')}`,
      )
    // The end of another process's lock is nothing that can be waited for with a limit.
    await delay(LOOK_AGAIN_MS)
  }
}

/**
 * Removes those that no mount uses: with `all` every one, else those whose image is gone, which
 * nobody can mount any more.
 */
export async function pruneLayers(
  store: Store,
  all: boolean,
): Promise<{ readonly names: readonly string[]; readonly bytes: number }> {
  const names: string[] = []
  let bytes = 0
  for (const { name, image, mounts } of namedLayers(store)) {
    if (mounts.length > 0 || (image !== null && !all)) continue
    const removed = await removeIfUnused(store, name)
    if (typeof removed !== 'number') continue
    names.push(name)
    bytes += removed
  }
  return { names, bytes }
}

/** The bytes it had; or who uses it. Mounts note their use under the records lock. */
async function removeIfUnused(
  store: Store,
  name: string,
): Promise<number | readonly string[]> {
  const lock = await takeLock(store.place.recordsLock, 'exclusive')
  try {
    const found = namedLayers(store).find(layer => layer.name === name)
    if (found === undefined)
      throw new ImageError('not-found', `there is no writable layer ${name}`)
    if (found.mounts.length > 0) return found.mounts
    const bytes = layerSize(store, name)
    store.writable.remove(name)
    return bytes
  } finally {
    lock.release()
  }
}
