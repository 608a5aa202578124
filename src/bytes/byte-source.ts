// Bytes that come in pieces, from wherever: a file, a network, a decoder. The one shape in which
// the readers and writers of archives hand data on.

/** Pieces in order, each valid until the next is asked for. Raises what went wrong at the end. */
export type ByteSource = AsyncIterable<Uint8Array>

/** The pieces of a source that can pass over bytes without reading them. */
export interface SkippingIterator extends AsyncIterator<Uint8Array> {
  /** The next piece begins so many bytes later; how many there were to pass over. */
  skip(bytes: number): number
}

/** A source of pieces that are in memory already. */
// An async generator is what the shape asks for; nothing in it has to wait.
// eslint-disable-next-line @typescript-eslint/require-await
export async function* bytesOf(...pieces: readonly Uint8Array[]): ByteSource {
  yield* pieces
}

/**
 * All of a source in one buffer.
 * @param limit bytes that are too many.
 * @throws RangeError where the source has more.
 */
export async function collect(source: ByteSource, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of source) {
    length += piece.length
    if (length > limit) throw new RangeError(`more than ${limit} bytes`)
    pieces.push(Buffer.from(piece))
  }
  return Buffer.concat(pieces, length)
}

/** A view of the same memory with Buffer's methods. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
