// What the main thread and the store's thread say to each other. Types alone: everything here
// crosses by structured clone.
import type { FormatName } from '../../layer/format.js'
import type { Digest } from '../model/digest.js'
import type { ImageErrorCode, ImageErrorPlace } from '../model/errors.js'

/** One layer to unpack. Paths are latin1 strings of bytes. */
export interface UnpackJob {
  readonly kind: 'unpack'
  /** The file that the blob is in, and where. */
  readonly blob: string
  readonly offset: number
  readonly size: number
  readonly blobDigest: Digest
  readonly diffId: Digest
  /** Existing and empty. */
  readonly directory: string
  /** The file to write what was unpacked into. */
  readonly inventory: string
  /**
   * Unpacked layers below, topmost first. One of them may be what an earlier job has unpacked, by
   * the path that it will have.
   */
  readonly parents: readonly string[]
  /** Where the layer will be once it is published; null where it will not. */
  readonly published: string | null
  readonly format: FormatName
}

export type StoreJob =
  | UnpackJob
  | { readonly kind: 'flock'; readonly fd: number; readonly operation: number }
  /** One that the thread's file knows. */
  | { readonly kind: 'more'; readonly what: unknown }

export interface UnpackResult {
  readonly entries: number
  /** Bytes of file contents. */
  readonly bytes: number
  /** Bytes of the tar. */
  readonly tarSize: number
}

export type FromStoreThread =
  | { readonly kind: 'bytes'; readonly count: number }
  /** `count`: bytes that have not been told yet. */
  | {
      readonly kind: 'done'
      readonly result: UnpackResult | null
      readonly count: number
    }
  | { readonly kind: 'failed'; readonly error: ThreadError }

export type ThreadError =
  | {
      readonly is: 'image'
      readonly code: ImageErrorCode
      readonly message: string
      readonly place: ImageErrorPlace
    }
  | {
      readonly is: 'system'
      readonly errno: number
      readonly syscall: string
      readonly path?: string
    }
  | { readonly is: 'other'; readonly stack: string }
