// The one error that archives are refused with. What is to be done about it is the caller's.

/** What is wrong with an archive. */
export type TarErrorCode =
  /** It ends in the middle of something. */
  | 'truncated'
  /** A field, a record or an order that the format does not have. */
  | 'malformed'
  /** A kind of entry that is not handled: a volume of several, a Solaris door. */
  | 'unsupported'
  /** Larger than was allowed. */
  | 'limit'

export class TarError extends Error {
  override readonly name = 'TarError'
  readonly code: TarErrorCode
  /** The entry's name as far as it was read, latin1; undefined before the first. */
  readonly entry: string | undefined

  constructor(code: TarErrorCode, message: string, entry?: string) {
    super(message)
    this.code = code
    this.entry = entry
  }
}
