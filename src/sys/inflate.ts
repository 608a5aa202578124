// zlib's inflate, run by run. What the stops are good for is none of this file's business.
import { native } from './native.js'

export type { Inflater } from './native.js'

/** How a run ended (see native.ts). */
export const INFLATE = { more: 0, end: 1, boundary: 2 } as const

/** Bytes of history that deflate may refer to. */
export const INFLATE_WINDOW = 32_768

/** inflateInit2(): an inflater, or -errno. */
export const inflateCreate = native.inflateCreate

/** inflateReset2(). */
export const inflateReset = native.inflateReset

/** inflatePrime(). */
export const inflatePrime = native.inflatePrime

/** inflateSetDictionary(), of a raw stream. */
export const inflateSetWindow = native.inflateSetWindow

/** inflateGetDictionary(). */
export const inflateGetWindow = native.inflateGetWindow

/** One run on this thread. */
export const inflateRun = native.inflateRun

/** One run on one of Node's threads. */
export const inflateRunAsync = native.inflateRunAsync

/** The check of gzip and PKZIP, of bytes that come in pieces. */
export const crc32 = native.crc32
