// `import`: the tar of a root filesystem as an image of one layer. The layer keeps the bytes that
// came, compressed or not.
import type { ByteSource } from '../bytes/byte-source.js'
import { decompress } from '../compress/decompress.js'
import { CompressionError } from '../compress/compression-error.js'
import { createHash } from 'node:crypto'
import { type RunConfig, applyChanges } from './dockerfile-changes.js'
import { type Digest, digestOfHex } from './model/digest.js'
import { ImageError } from './model/errors.js'
import { layerType } from './model/media-types.js'
import { hostPlatform, type Platform } from './model/platform.js'
import type { Reference } from './model/reference.js'
import type { Progress } from './progress.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'

export interface ImportOptions {
  /** Dockerfile instructions (`CMD`, `ENV` ...), in order. */
  readonly changes?: readonly string[]
  /** The comment in its history. */
  readonly message?: string
  /** This machine's unless told. */
  readonly platform?: Platform
  /** What its history says it was made of. */
  readonly from: string
  readonly progress: Progress
  readonly onWait?: () => void
  /** When it was made; now unless told. */
  readonly created?: Date
}

/**
 * @param name of the image; none for an untagged one.
 * @throws ImageError that names the entry where one is at fault; nothing stays then.
 */
export function importImage(
  store: Store,
  source: ByteSource,
  name: Reference | null,
  options: ImportOptions,
): Promise<ImageRecord> {
  // A wrong instruction is told before anything is read.
  const run = applyChanges(options.changes ?? [])
  return store.whileAdding(async () => {
    const layer = await readLayer(store, source, options.progress)
    const config = configOf(layer.diffId, run, options)
    const image = { config, layers: [layer.descriptor] }
    return store.addImage(image, name === null ? [] : [name], options.progress)
  }, options.onWait)
}

async function readLayer(store: Store, source: ByteSource, progress: Progress) {
  const task = progress.task('read layer')
  try {
    const hash = createHash('sha256')
    const watched = tapped(source, piece => task.advance(piece.length))
    // What is stored is what comes; what is hashed for the diff id is what is in it.
    const staged = await store.blobs.stage(watched)
    try {
      const { compression, stream } = await decompress(store.blobs.openStaged(staged))
      for await (const piece of stream) hash.update(piece)
      const { digest, size } = staged.publish()
      task.done('read')
      return {
        diffId: digestOfHex(hash.digest('hex')),
        descriptor: { mediaType: layerType(compression), digest, size },
      }
    } finally {
      staged.discard()
    }
  } catch (error) {
    task.done('failed')
    if (!(error instanceof CompressionError)) throw error
    const code = error.code === 'limit' ? 'limit' : 'malformed'
    throw new ImageError(code, `the archive is not readable: ${error.message}`, {}, error)
  }
}

function configOf(diffId: Digest, run: RunConfig, options: ImportOptions): Buffer {
  const { os, architecture, variant } = options.platform ?? hostPlatform()
  const created = (options.created ?? new Date()).toISOString()
  const config = {
    created,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    os,
    config: run,
    rootfs: { type: 'layers', diff_ids: [diffId] },
    history: [{ created, comment: options.message ?? `Imported from ${options.from}` }],
  }
  return Buffer.from(JSON.stringify(config), 'utf8')
}

async function* tapped(source: ByteSource, see: (piece: Uint8Array) => void): ByteSource {
  for await (const piece of source) {
    see(piece)
    yield piece
  }
}
