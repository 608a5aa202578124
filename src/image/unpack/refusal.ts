// Turns whatever stops an unpacking into an ImageError that names the layer and the entry.
import { CompressionError } from '../../compress/compression-error.js'
import { FsError } from '../../errno/fs-error.js'
import { Refusal, shown } from '../../layer/refusal.js'
import { TarError } from '../../tar/tar-error.js'
import { ImageError, type ImageErrorCode } from '../model/errors.js'

/**
 * @param entry the name in the archive as it stands there; undefined outside of entries.
 * @returns the error to throw; what is none of the archive's or the disk's comes back unchanged.
 */
export function explain(thrown: unknown, layer: string, entry?: string): unknown {
  if (thrown instanceof TarError) {
    const code = thrown.code === 'truncated' ? 'malformed' : thrown.code
    return refused(code, thrown.message, layer, thrown.entry ?? entry, thrown)
  }
  if (thrown instanceof CompressionError) {
    const code = thrown.code === 'limit' ? 'limit' : 'malformed'
    return refused(code, thrown.message, layer, undefined, thrown)
  }
  if (thrown instanceof Refusal)
    return refused(thrown.code, thrown.message, layer, entry, thrown)
  if (thrown instanceof FsError)
    return refused('store', thrown.message, layer, entry, thrown)
  return thrown
}

function refused(
  code: ImageErrorCode,
  reason: string,
  layer: string,
  entry: string | undefined,
  cause: unknown,
): ImageError {
  const where = entry === undefined ? '' : `: entry '${shown(entry)}'`
  const place = entry === undefined ? { layer } : { layer, entry }
  return new ImageError(code, `layer ${layer}${where}: ${reason}`, place, cause)
}
