// Spans of compressed archives, decoded by another thread while the serving one answers others: one
// span may take as long as a thousand requests.
import type { Channel, Completion } from '../fuse/operations.js'
import type { ArchivedFile, Seekable } from '../layer/archive-layer/archived-file.js'

/** What the other thread is told: it posts the bytes that are right, or -errno (see Channel). */
export interface SpanJob {
  /** Whose tar it is: the layer's place among the archive's. */
  readonly tar: number
  readonly span: number
  /** Shared memory for all of it. */
  readonly into: Uint8Array
  readonly loop: number
  readonly token: number
}

/** Bytes that are decoded before they are asked for: a span of gzip's, or a few of them. */
const AHEAD = 4 * 1024 * 1024

const nothing: Completion = { complete: () => undefined }

export class SpanFetcher {
  private readonly tell: (job: SpanJob) => void
  /** Who waits for a span that is being decoded. */
  private readonly waiting = new Map<Seekable['reader'], Map<number, Completion[]>>()

  constructor(tell: (job: SpanJob) => void) {
    this.tell = tell
  }

  /** `done` is told when all of the spans are kept, or one could not be read. */
  fetch(
    channel: Channel,
    { tar }: ArchivedFile,
    spans: readonly number[],
    done: Completion,
  ): void {
    const { seekable, number } = tar
    if (seekable === null) return
    let left = spans.length
    let worst = 0
    const one: Completion = {
      complete: result => {
        worst = Math.min(worst, result)
        left -= 1
        if (left === 0) done.complete(worst)
      },
    }
    for (const span of spans) this.one(channel, seekable.reader, number, span, one)
  }

  /**
   * Has what stands behind a position decoded too, for who reads in order: by the time that it is
   * asked for it is there.
   */
  fetchAhead(channel: Channel, file: ArchivedFile, position: number): void {
    const spans = file.missing(position, AHEAD)
    if (spans.length > 0) this.fetch(channel, file, spans, nothing)
  }

  private one(
    channel: Channel,
    reader: Seekable['reader'],
    tar: number,
    span: number,
    done: Completion,
  ): void {
    const spans = this.waiting.get(reader) ?? new Map<number, Completion[]>()
    this.waiting.set(reader, spans)
    const others = spans.get(span)
    if (others !== undefined) {
      others.push(done)
      return
    }
    const all = [done]
    spans.set(span, all)
    const into = Buffer.from(new SharedArrayBuffer(reader.spanLength(span)))
    const handed = channel.handOver({
      complete: result => {
        spans.delete(span)
        if (result >= 0) reader.accept(span, into, result)
        for (const one of all) one.complete(Math.min(result, 0))
      },
    })
    this.tell({ tar, span, into, ...handed })
  }
}
