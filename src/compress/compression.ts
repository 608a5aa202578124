// The kinds of compression that layers and archives come in, and how their first bytes tell which
// it is. Names and media types are never asked: both lie.

export type Compression = 'none' | 'gzip' | 'zstd'

/** Bytes that are enough to tell. */
export const DETECT_BYTES = 4

/** RFC 1952, 2.3.1: ID1, ID2, and CM 8, the only method there is. */
const GZIP = [0x1f, 0x8b, 0x08]
/** RFC 8878, 3.1.1: Magic_Number, little-endian. */
const ZSTD = [0x28, 0xb5, 0x2f, 0xfd]
/** RFC 8878, 3.1.2: skippable frames, whose first byte is any of 0x50 to 0x5f. */
const SKIPPABLE = [0x2a, 0x4d, 0x18]

/** The compression that a stream with these first bytes has. */
export function detectCompression(firstBytes: Uint8Array): Compression {
  const begins = (magic: readonly number[], at = 0): boolean =>
    magic.every((byte, index) => firstBytes[at + index] === byte)
  if (begins(GZIP)) return 'gzip'
  if (begins(ZSTD)) return 'zstd'
  const first = firstBytes[0] ?? 0
  if (first >= 0x50 && first <= 0x5f && begins(SKIPPABLE, 1)) return 'zstd'
  return 'none'
}
