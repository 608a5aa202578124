// A stored layer as the tar that its diff id is of, verified while it is read.
import { createHash } from 'node:crypto'
import type { ByteSource } from '../../bytes/byte-source.js'
import { decompress } from '../../compress/decompress.js'
import { type Digest, digestOfHex } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import type { ChainLink } from '../store/layers.js'
import type { Store } from '../store/store.js'

/** @throws ImageError `mismatch` at the end, or `not-found` at the start. */
export async function* layerTar(store: Store, link: ChainLink): ByteSource {
  const hash = createHash('sha256')
  const { stream } = await decompress(store.blobs.open(link.blob))
  for await (const piece of stream) {
    hash.update(piece)
    yield piece
  }
  const found = digestOfHex(hash.digest('hex'))
  if (found !== link.diffId)
    throw new ImageError(
      'mismatch',
      `layer ${link.blob}: its diff id is ${found} instead of ${link.diffId}`,
      { layer: link.blob },
    )
}

/** Bytes of the tar: from the layer's record, or counted where it is not unpacked. */
export async function layerTarSize(
  store: Store,
  link: ChainLink,
  chainId: Digest,
): Promise<number> {
  const known = store.layers.record(chainId)
  if (known !== null) return known.tarSize
  let size = 0
  for await (const piece of layerTar(store, link)) size += piece.length
  return size
}
