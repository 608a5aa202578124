// What a check of the store finds. Types alone.

export interface Problem {
  readonly kind: 'blob' | 'layer' | 'image' | 'record'
  /** Digest, chain id or image ID. */
  readonly subject: string
  /** One line; paths in it are latin1 strings of bytes. */
  readonly text: string
  /** What was done about it; null when nothing was, or nothing could be. */
  readonly repaired: string | null
}
