// zstd streams. Frames follow each other as they like; what one holds goes on in the next.
import type { ByteSource } from '../bytes/byte-source.js'
import { CompressionError } from './compression-error.js'
import { zstdBinding } from './zstd-binding.js'

/** Bytes that come out at once. */
export const ZSTD_CHUNK = 512 * 1024
/** log2 of the largest window: what zstd(1) takes without being asked (--ultra, --long=27). */
const WINDOW_LOG_MAX = 27
/** zstd's own default. */
const LEVEL = 3

/** The plain bytes of a zstd stream. Raises CompressionError. */
export async function* unzstd(source: ByteSource): ByteSource {
  const decoder = new ZstdDecoder()
  for await (const piece of source) {
    let input = piece
    for (;;) {
      const { output, consumed } = decoder.decode(input)
      if (output.length > 0) yield output
      input = input.subarray(consumed)
      if (input.length === 0 && output.length < ZSTD_CHUNK) break
    }
  }
  if (decoder.inFrame) throw new CompressionError('truncated', 'a zstd frame is cut off')
}

/** A zstd stream of one frame, with its checksum. */
export async function* zstd(source: ByteSource): ByteSource {
  const { CCtx, CParameter, EndDirective } = zstdBinding()
  const context = new CCtx()
  context.setParameter(CParameter.compressionLevel, LEVEL)
  context.setParameter(CParameter.checksumFlag, 1)
  function* feed(piece: Uint8Array, how: number): Generator<Buffer> {
    let input = piece
    for (;;) {
      const output = Buffer.allocUnsafe(ZSTD_CHUNK)
      const [rest, made, consumed] = context.compressStream2(output, input, how)
      if (made > 0) yield output.subarray(0, made)
      input = input.subarray(consumed)
      if (input.length === 0 && (how === EndDirective.continue || rest === 0)) return
    }
  }
  for await (const piece of source) yield* feed(piece, EndDirective.continue)
  yield* feed(new Uint8Array(0), EndDirective.end)
}

/** Decodes piece by piece, and knows where frames end. */
export class ZstdDecoder {
  /** The last frame has begun and not ended. */
  inFrame = false
  private readonly context

  constructor() {
    const { DCtx, DParameter } = zstdBinding()
    this.context = new DCtx()
    this.context.setParameter(DParameter.windowLogMax, WINDOW_LOG_MAX)
  }

  /**
   * Decodes some of `input`, never past the end of a frame.
   * @param room bytes that come out at most; a full output may have more behind it.
   * @throws CompressionError `malformed`.
   */
  decode(input: Uint8Array, room = ZSTD_CHUNK): { output: Buffer; consumed: number } {
    const output = Buffer.allocUnsafe(room)
    const { made, consumed } = this.decodeInto(input, output)
    return { output: output.subarray(0, made), consumed }
  }

  /** The same, into memory of the caller's. */
  decodeInto(input: Uint8Array, output: Buffer): { made: number; consumed: number } {
    try {
      const [hint, made, consumed] = this.context.decompressStream(output, input)
      // 0 says that a frame has ended; without any input it only says that none has begun.
      if (hint === 0) this.inFrame = false
      else if (consumed > 0) this.inFrame = true
      return { made, consumed }
    } catch (error) {
      throw new CompressionError('malformed', 'the zstd stream is damaged', error)
    }
  }
}
