// What compressed data is refused with.

export type CompressionErrorCode =
  /** It ends in the middle of a stream. */
  | 'truncated'
  /** Not what it began as, or its checksum is wrong. */
  | 'malformed'
  /** It grows larger than was allowed. */
  | 'limit'

export class CompressionError extends Error {
  override readonly name = 'CompressionError'
  readonly code: CompressionErrorCode

  constructor(code: CompressionErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}
