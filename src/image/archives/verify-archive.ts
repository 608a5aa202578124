// `--verify=full` of an image in an archive: digests of the layers, of what the mount reads.
import { createHash } from 'node:crypto'
import { CompressionError } from '../../compress/compression-error.js'
import { InOrder, type RandomSource } from '../../bytes/random-source.js'
import { openPlace } from '../../layer/archive-layer/tar-place.js'
import { type Digest, digestOfHex } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { explain } from '../unpack/refusal.js'
import type { OpenedArchive } from './open-archive.js'

const PIECE = 1024 * 1024
/** Pieces between two turns for signals and messages. */
const TURN = 16

/** @throws ImageError `mismatch` that names the layer. */
export async function verifyArchive({ layers, lowers }: OpenedArchive): Promise<void> {
  for (const { lower, diffId, blob } of layers) {
    const layer = blob?.digest ?? diffId
    const compare = async (
      what: string,
      source: RandomSource,
      wanted: Digest,
    ): Promise<void> => {
      const found = await digestOfSource(source, layer)
      if (found === wanted) return
      throw new ImageError(
        'mismatch',
        `layer ${layer}: its ${what} is ${found} instead of ${wanted}; get ${lowers.archive} again`,
        { layer },
      )
    }
    if (blob !== null) await compare('digest', openPlace(blob.place).source, blob.digest)
    if (blob?.digest !== diffId)
      await compare('diff id', openPlace(lower.place).source, diffId)
  }
}

async function digestOfSource(source: RandomSource, layer: Digest): Promise<Digest> {
  const hash = createHash('sha256')
  let pieces = 0
  try {
    for await (const piece of new InOrder(source, PIECE)) {
      hash.update(piece)
      if (++pieces % TURN === 0) await new Promise(resolve => setImmediate(resolve))
    }
  } catch (error) {
    if (!(error instanceof CompressionError)) throw error
    throw explain(error, layer)
  }
  return digestOfHex(hash.digest('hex'))
}
