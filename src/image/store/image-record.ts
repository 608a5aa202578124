// What the store knows of an image, and what it is given to know a new one. Types alone.
import type { ByteSource } from '../../bytes/byte-source.js'
import type { Descriptor } from '../model/descriptor.js'
import type { Digest } from '../model/digest.js'
import type { Document } from '../model/manifest.js'
import type { Reference } from '../model/reference.js'

/** One manifest over a config, and what leads to it. */
export interface ImageVariant {
  /** Full names (`docker.io/library/nginx:latest`), sorted. */
  readonly names: readonly string[]
  /** `docker.io/library/nginx@sha256:...`: what it was pulled or pushed as, indexes included. */
  readonly digests: readonly string[]
  /** The manifest that index.json names: always of OCI's types. */
  readonly manifest: Descriptor
  /**
   * The manifest as it came, byte for byte, and what is pushed. The same descriptor as `manifest`
   * unless it came in Docker's types.
   */
  readonly source: Descriptor
  /** Indexes it was chosen from, kept byte for byte. */
  readonly indexes: readonly Descriptor[]
}

/** An image of the store: one config, under as many names and manifests as it came by. */
export interface ImageRecord {
  /** SHA-256 of the config's bytes: the image ID. */
  readonly id: Digest
  /**
   * The one that the name or digest leads to by which the image was asked for, first; the newest
   * first where it was asked for by ID. Never empty.
   */
  readonly variants: readonly [ImageVariant, ...ImageVariant[]]
  /** Names of all variants, sorted; none for an untagged image. */
  readonly names: readonly string[]
  /** Digests of all variants, sorted. */
  readonly digests: readonly string[]
  /** When it came into the store: RFC 3339. */
  readonly added: string
  /** Bytes of its unpacked layers' contents. */
  readonly size: number
}

/** A blob that is being copied into the store, from a part of a file that can be read already. */
export interface ArrivingBlob {
  /** A latin1 string of bytes. */
  readonly file: string
  readonly offset: number
  /** When it is in the store, verified. @throws ImageError `mismatch`. */
  readonly arrived: Promise<void>
}

/** An image to add. Its layers' blobs are in the store by then, or on their way. */
export interface NewImage {
  /** As it came; absent where the source has none (docker archives), and one is made. */
  readonly manifest?: Document
  /** The indexes that led to the manifest, outermost first. */
  readonly indexes?: readonly Document[]
  /** The config's bytes, as they came. */
  readonly config: Uint8Array
  /** Base first, as the manifest has them: media type, digest and size of the blobs. */
  readonly layers: readonly Descriptor[]
  /** Blobs of layers that are on their way. */
  readonly arriving?: ReadonlyMap<Digest, ArrivingBlob>
  /** Repository and digest under which it was had: kept as `digests`. */
  readonly pulledAs?: readonly Reference[]
}

/** What a blob that was written is. */
export interface StoredBlob {
  readonly digest: Digest
  readonly size: number
}

/** A blob beside the others. */
export interface StagedBlob extends StoredBlob {
  /** Its file until it is published: a latin1 string of bytes. */
  readonly path: string
  publish(): StoredBlob
  /** Removes it where it was not published. */
  discard(): void
}

/** What a blob has to be; anything else fails and leaves nothing. */
export interface ExpectedBlob {
  readonly digest?: Digest
  /** Bytes. */
  readonly size?: number
  /** Bytes that are too many, where no size is known. */
  readonly limit?: number
}

/**
 * A blob that is on its way, kept across failures and processes so that a broken pull goes on. One
 * process has it at a time; another that asks for it waits.
 */
export interface PartialBlob {
  /** Bytes that are there already, and hashed. */
  readonly size: number
  /** Adds what follows those bytes; on a failure what had come stays for the next time. */
  append(source: ByteSource): Promise<void>
  /** Throws away what is there: the server began anew. */
  restart(): Promise<void>
  /**
   * Checks digest and size, and publishes. @throws ImageError `mismatch`, and nothing stays.
   */
  finish(): Promise<StoredBlob>
  /** Lets go of it; what is there stays. */
  close(): Promise<void>
}
