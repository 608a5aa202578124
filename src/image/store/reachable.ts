// What the records lead to: the mark of mark and sweep.
import { chainIds } from '../model/chain.js'
import { parseConfig } from '../model/config.js'
import type { Descriptor } from '../model/descriptor.js'
import type { Digest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { parseManifest } from '../model/manifest.js'
import { isIndexType, isManifestType } from '../model/media-types.js'
import type { Store } from './store.js'

export interface Reachable {
  readonly blobs: ReadonlySet<Digest>
  /** Chain ids. */
  readonly layers: ReadonlySet<Digest>
  /** Chain ids of the topmost layers of images: those that keep a merged tree. */
  readonly tops: ReadonlySet<Digest>
}

/**
 * Follows every record and every use.
 * @throws ImageError `store` when a manifest or config cannot be read: nothing may be removed then,
 * since nobody knows what it leads to.
 */
export function reachable(store: Store): Reachable {
  const blobs = new Set<Digest>()
  const uses = store.uses.list()
  const layers = new Set<Digest>(uses.flatMap(use => use.layers))
  const tops = new Set<Digest>(uses.flatMap(use => use.layers.slice(-1)))
  const { entries, strange } = store.images.read()
  for (const { id, manifest, source, indexes } of entries) {
    for (const one of [manifest, source, ...indexes]) blobs.add(one.digest)
    for (const one of [manifest, source]) markManifest(store, one, blobs)
    const chain = chainIds(readConfig(store, id))
    for (const chainId of chain) layers.add(chainId)
    for (const top of chain.slice(-1)) tops.add(top)
  }
  for (const { manifest } of strange) markStrange(store, manifest, blobs)
  return { blobs, layers, tops }
}

function readConfig(store: Store, id: Digest): readonly Digest[] {
  return orDamaged(id, () => parseConfig(store.blobs.read(id)).diffIds)
}

function markManifest(store: Store, described: Descriptor, blobs: Set<Digest>): void {
  const parsed = orDamaged(described.digest, () =>
    parseManifest(store.blobs.read(described.digest), described.mediaType),
  )
  if (parsed.kind === 'index') return
  blobs.add(parsed.config.digest)
  for (const layer of parsed.layers) blobs.add(layer.digest)
}

/** What other programs have put there is kept as far as it can be followed. */
function markStrange(store: Store, described: Descriptor, blobs: Set<Digest>): void {
  if (blobs.has(described.digest)) return
  blobs.add(described.digest)
  const known = isIndexType(described.mediaType) || isManifestType(described.mediaType)
  if (!known || !store.blobs.has(described.digest)) return
  const parsed = orDamaged(described.digest, () =>
    parseManifest(store.blobs.read(described.digest), described.mediaType),
  )
  if (parsed.kind === 'index')
    for (const one of parsed.manifests) markStrange(store, one, blobs)
  else for (const one of [parsed.config, ...parsed.layers]) blobs.add(one.digest)
}

function orDamaged<T>(digest: Digest, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    throw new ImageError(
      'store',
      `the store is damaged (${error.message}): run 'plyfs fsck' before anything is removed`,
      { layer: digest },
      error,
    )
  }
}
