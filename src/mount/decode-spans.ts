// The main thread's part in reading compressed archives: it decodes what the serving thread asks
// for, into memory that both have, and posts the end of it to the loop.
import { toErrno } from '../errno/fs-error.js'
import type { ArchivedLowers } from '../layer/archive-layer/archived-lowers.js'
import { openPlace } from '../layer/archive-layer/tar-place.js'
import type { SpanJob } from '../overlay/span-fetcher.js'
import { loopPost } from '../sys/pool.js'

/**
 * What does such jobs, with readers of its own. Call it before the mount: what decodes is loaded
 * then.
 */
export function spanDecoder(archive: ArchivedLowers | null): (job: SpanJob) => void {
  const readers = (archive?.layers ?? []).map(
    ({ place }) => openPlace(place).seekable?.reader,
  )
  const decode = ({ tar, span, into }: SpanJob): number => {
    const bytes = Buffer.from(into.buffer, into.byteOffset, into.length)
    try {
      return readers[tar]?.decode(span, bytes) ?? 0
    } catch (error) {
      return -toErrno(error)
    }
  }
  return job => {
    loopPost(job.loop, job.token, decode(job))
  }
}
