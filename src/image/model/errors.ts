// The one error that images, archives, the store and registries raise for what the user can
// understand. Anything else that is thrown is a fault of the program's own.

/** What kind of failure it is, for callers that decide by it; people read the message. */
export type ImageErrorCode =
  /** A name, digest, media type or template that cannot be read. */
  | 'invalid'
  /** No such image, blob, layer, tag or entry. */
  | 'not-found'
  /** A prefix that several images share, or several images where one is asked for. */
  | 'ambiguous'
  /** A container or a mount uses the image. */
  | 'in-use'
  /** Something else stands in the way: a name, a file, another command. */
  | 'conflict'
  /** An archive or layout that is malformed. */
  | 'malformed'
  /** Size or digest are not what was promised. */
  | 'mismatch'
  /** Well formed, but of a kind that is not handled (schema 1, foreign layers, a 0/0 device). */
  | 'unsupported'
  /** A limit on size, ratio, number or depth. */
  | 'limit'
  /** The registry said no: `status` says how. */
  | 'registry'
  /** 401 or 403. */
  | 'unauthorized'
  /** No answer from the network. */
  | 'network'
  /** The store itself is damaged, or not ours. */
  | 'store'

/** Where in an image it happened. */
export interface ImageErrorPlace {
  /** Digest of the layer, as the image names it. */
  readonly layer?: string
  /** The entry's name in the archive, a latin1 string of bytes. */
  readonly entry?: string
  /** Status of a registry's answer. */
  readonly status?: number
}

/** One line for people, a code for programs. Messages are text, entry names in them are latin1. */
export class ImageError extends Error {
  override readonly name = 'ImageError'
  readonly code: ImageErrorCode
  readonly place: ImageErrorPlace

  /** @param message says what is wrong, then what to do where something can be done. */
  constructor(
    code: ImageErrorCode,
    message: string,
    place: ImageErrorPlace = {},
    cause?: unknown,
  ) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
    this.place = place
  }
}
