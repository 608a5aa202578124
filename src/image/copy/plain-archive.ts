// An archive as people hand it over, plain or compressed.
import type { ByteSource } from '../../bytes/byte-source.js'
import { decompress } from '../../compress/decompress.js'

/** The tar's own bytes; raises CompressionError where they are cut off or damaged. */
export async function plainArchive(bytes: ByteSource): Promise<ByteSource> {
  return (await decompress(bytes)).stream
}
