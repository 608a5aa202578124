// A writable layer as one more layer on its image: the change as a tar, a config, and an image.
import { createHash } from 'node:crypto'
import type { ByteSource } from '../bytes/byte-source.js'
import { compress } from '../compress/compress.js'
import { layerToTar, type WrittenLayer } from './diff/written-layer.js'
import type { RunConfig } from './dockerfile-changes.js'
import type { Descriptor } from './model/descriptor.js'
import { type Digest, digestOfHex } from './model/digest.js'
import { MEDIA } from './model/media-types.js'
import type { Reference } from './model/reference.js'
import type { Progress } from './progress.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'

export interface NewLayer {
  /** What it lies on. */
  readonly parent: ImageRecord
  /** What containers of the new image run with. */
  readonly run: RunConfig
  readonly author?: string
  readonly message?: string
  /** An untagged image without one. */
  readonly name: Reference | null
}

/**
 * Adds the image. Call it inside `whileAdding`.
 * @param reading hands over the writable layer, which nobody may change meanwhile.
 * @throws ImageError, FsError; nothing stays then.
 */
export async function commitLayer(
  store: Store,
  what: NewLayer,
  progress: Progress,
  reading: <Result>(read: (layer: WrittenLayer) => Promise<Result>) => Promise<Result>,
): Promise<ImageRecord> {
  const layer = await reading(written => readLayer(store, written))
  const { layers } = store.manifestOf(what.parent)
  const image = {
    config: configOf(store, layer.diffId, what),
    layers: [...layers, layer.descriptor],
  }
  return store.addImage(image, what.name === null ? [] : [what.name], progress)
}

async function readLayer(
  store: Store,
  written: WrittenLayer,
): Promise<{ diffId: Digest; descriptor: Descriptor }> {
  const hash = createHash('sha256')
  const plain = tapped(layerToTar(written), piece => hash.update(piece))
  const staged = await store.blobs.stage(compress('gzip', plain))
  try {
    const { digest, size } = staged.publish()
    const descriptor = { mediaType: MEDIA.ociLayerGzip, digest, size }
    return { diffId: digestOfHex(hash.digest('hex')), descriptor }
  } finally {
    staged.discard()
  }
}

async function* tapped(source: ByteSource, see: (piece: Uint8Array) => void): ByteSource {
  for await (const piece of source) {
    see(piece)
    yield piece
  }
}

function configOf(
  store: Store,
  diffId: Digest,
  { parent, run, author, message }: NewLayer,
): Buffer {
  const { document, diffIds } = store.configOf(parent)
  const created = new Date().toISOString()
  const before = Array.isArray(document['history'])
    ? (document['history'] as readonly unknown[])
    : []
  const step = {
    created,
    created_by: (run.Cmd ?? []).join(' '),
    ...(author === undefined ? {} : { author }),
    ...(message === undefined ? {} : { comment: message }),
  }
  // What docker of old notes of the container that an image was made in.
  const past = new Set(['container', 'container_config', 'id', 'parent', 'author'])
  const kept = Object.entries(document).filter(([key]) => !past.has(key))
  const config = {
    ...Object.fromEntries(kept),
    created,
    ...(author === undefined ? {} : { author }),
    config: run,
    rootfs: { type: 'layers', diff_ids: [...diffIds, diffId] },
    history: [...before, step],
  }
  return Buffer.from(JSON.stringify(config), 'utf8')
}
