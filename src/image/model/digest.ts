// Content digests (OCI image specification, descriptor.md, "Digests"). SHA-256 alone: what the
// store, registries and every builder use; others are refused by name.
import { createHash } from 'node:crypto'
import { ImageError } from './errors.js'

declare const brand: unique symbol

/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = string & { readonly [brand]: 'digest' }

const SHAPE = /^sha256:[0-9a-f]{64}$/

export function isDigest(text: string): text is Digest {
  return SHAPE.test(text)
}

/** The digest that a text is. @throws ImageError `invalid` or `unsupported`. */
export function parseDigest(text: string): Digest {
  if (isDigest(text)) return text
  if (/^[a-z0-9+._-]+:[0-9a-zA-Z=_-]+$/.test(text) && !text.startsWith('sha256:'))
    throw new ImageError('unsupported', `digest ${text}: only sha256 is supported`)
  throw new ImageError('invalid', `'${text}' is no digest (sha256: and 64 hex digits)`)
}

/** The digest with these 64 hexadecimal digits. @throws ImageError `invalid`. */
export function digestOfHex(hex: string): Digest {
  return parseDigest(`sha256:${hex}`)
}

/** The 64 hexadecimal digits. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length)
}

/** The digest of bytes in memory. */
export function digestOf(bytes: Uint8Array | string): Digest {
  return digestOfHex(createHash('sha256').update(bytes).digest('hex'))
}

/** What people are shown: the first 12 digits. */
export function shortDigest(digest: Digest): string {
  return hexOf(digest).slice(0, 12)
}
