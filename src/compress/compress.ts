// Compresses what is written: the same bytes in give the same bytes out.
import type { ByteSource } from '../bytes/byte-source.js'
import type { Compression } from './compression.js'
import { gzip } from './gzip.js'
import { zstd } from './zstd.js'

/** The source compressed as told; with `none` the source itself. */
export function compress(kind: Compression, source: ByteSource): ByteSource {
  switch (kind) {
    case 'none':
      return source
    case 'gzip':
      return gzip(source)
    case 'zstd':
      return zstd(source)
  }
}
