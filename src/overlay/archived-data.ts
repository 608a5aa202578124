// The data of files that lie in an archive: there is no file of the disk to open. Where the archive
// has the bytes as they are, the pool reads them from its descriptor; where they are compressed,
// another thread decodes them (span-fetcher.ts), or for small files this one.
import { fuse_out_header } from '../fuse/abi/structs.js'
import { type Channel, type Completion, PENDING } from '../fuse/operations.js'
import type { Reply } from '../fuse/reply.js'
import type { Request } from '../fuse/request.js'
import type { ArchivedFile } from '../layer/archive-layer/archived-file.js'
import { contentsAt } from '../layer/object-calls.js'
import { E } from '../errno/errno.js'
import { FsError, toErrno } from '../errno/fs-error.js'
import { log } from '../log/log.js'
import { ftruncate, pwrite } from '../sys/file.js'
import { locateData } from './locate.js'
import type { SpanFetcher } from './span-fetcher.js'
import type { Node } from './node.js'
import type { Union } from './union.js'

const HEAD = fuse_out_header.size
/** Bytes that are decoded between two looks at other requests. */
const PIECE = 1024 * 1024
const SYNC_NOTHING = 0

const nothing: Completion = { complete: () => undefined }

/** What a node's data is in an archive; null where it is a file of a disk. Throws FsError. */
export function archivedData(u: Union, node: Node): ArchivedFile | null {
  const where = node.dataDir ?? (node.hasUpper ? null : node.lowerDir)
  if (where?.layer.isArchived !== true) return null
  return node.file?.archived ?? findArchived(u, node)
}

function findArchived(u: Union, node: Node): ArchivedFile {
  const at = locateData(u, node)
  const found = contentsAt(at.fd, at.name)
  if (typeof found === 'number') throw new FsError(found, 'open', node.name)
  if (node.file !== null) node.file.archived = found
  return found
}

const told = new Set<string>()

/**
 * Whether the archive that a node's data is in, if any, still is the one that was indexed: 0, or
 * -EIO and a line in the log.
 */
export function checkUnchanged(u: Union, node: Node): number {
  if (archivedData(u, node)?.tar.hasChanged() !== true) return 0
  const label = node.lowerDir?.layer.path ?? 'the archive'
  if (!told.has(label))
    log.error(`${label} was changed while it was mounted: unmount it and mount it again`)
  told.add(label)
  return -E.EIO
}

/** READ. */
export function readArchived(
  u: Union,
  req: Request,
  reply: Reply,
  data: ArchivedFile,
  offset: number,
  size: number,
): number {
  const [run, ...more] = data.direct ?? []
  if (run?.length === data.size && more.length === 0) {
    const length = Math.min(size, Math.max(data.size - offset, 0))
    return u.channel.sendFile(req, run.fd, run.from + offset, length, nothing)
  }
  // A request that has waited for its spans was looked at before.
  if (u.spans === null || decoded.has(req)) return readHere(reply, data, offset, size)
  const missing = data.missing(offset, size)
  const result =
    missing.length > 0
      ? readLater(u, u.spans, req, data, missing)
      : readHere(reply, data, offset, size)
  // Behind what is waited for now.
  if (data.isInOrder(offset, size)) u.spans.fetchAhead(u.channel, data, offset + size)
  return result
}

function readHere(
  reply: Reply,
  data: ArchivedFile,
  offset: number,
  size: number,
): number {
  const length = data.read(offset, reply.bytes.subarray(HEAD, HEAD + size))
  reply.length = HEAD + length
  return 0
}

/** Requests that have waited: what others' reads have driven out since is decoded here. */
const decoded = new WeakSet<Request>()

function readLater(
  u: Union,
  spans: SpanFetcher,
  req: Request,
  data: ArchivedFile,
  missing: readonly number[],
): number {
  const parked = u.channel.park(req)
  spans.fetch(u.channel, data, missing, {
    complete: result => {
      decoded.add(parked)
      if (result < 0) u.channel.fail(parked, -result)
      else u.channel.resume(parked)
    },
  })
  return PENDING
}

/** One step of a copy: where the pool can do it, or else what is decoded here. */
interface Step {
  readonly fd: number
  readonly from: number
  readonly to: number
  readonly length: number
}

/** The data of an archive's file on its way into a file of the disk. */
export class ArchivedCopy implements Completion {
  private readonly steps: Step[]
  private readonly data: ArchivedFile
  private readonly copy: number
  private readonly size: number
  private readonly sync: number

  /** `copy` is the descriptor of an empty file; `sync` as poolCopyData has it. */
  constructor(data: ArchivedFile, copy: number, size: number, sync: number) {
    this.data = data
    this.copy = copy
    this.size = size
    this.sync = sync
    this.steps = stepsOf(data, size)
  }

  /** Copies all of it here and now. 0 or -errno. */
  now(): number {
    for (const { to, length } of piecesOf(this.data, this.size))
      this.write(Buffer.allocUnsafe(length), to)
    return Math.min(ftruncate(this.copy, this.size), 0)
  }

  /** The same in steps, with the help of other threads; `done` hears of the end. */
  start(channel: Channel, spans: SpanFetcher | null, done: Completion): void {
    this.channel = channel
    this.spans = spans
    this.done = done
    this.complete(ftruncate(this.copy, this.size))
  }

  /** The last step is over. */
  complete(result: number): void {
    if (result >= 0 && this.awaitsSpans()) return
    const step = this.steps.shift()
    if (result < 0 || step === undefined) {
      this.done.complete(Math.min(result, 0))
      return
    }
    const isLast = this.steps.length === 0
    const { fd, from, to } = step
    try {
      if (fd < 0) this.write(Buffer.allocUnsafe(step.length), to)
    } catch (error) {
      this.done.complete(-toErrno(error))
      return
    }
    // What is decoded already leaves nothing to copy; others get their turn all the same.
    const length = fd < 0 ? 0 : step.length
    const sync = isLast ? this.sync : SYNC_NOTHING
    this.channel?.copyPart({ fd, from, to, length }, this.copy, sync, this)
  }

  private channel: Channel | null = null
  private spans: SpanFetcher | null = null
  private done: Completion = nothing
  /** The next step has waited for its spans. */
  private hasWaited = false

  /** Whether this is called again when the next step has what it needs. */
  private awaitsSpans(): boolean {
    const [next] = this.steps
    const { channel, spans } = this
    const waits = !this.hasWaited && next !== undefined && next.fd < 0
    this.hasWaited = false
    if (!waits || channel === null || spans === null) return false
    const missing = this.data.missing(next.from, next.length)
    if (missing.length === 0) return false
    this.hasWaited = true
    spans.fetch(channel, this.data, missing, this)
    return true
  }

  private write(buffer: Buffer, at: number): void {
    const length = this.data.read(at, buffer)
    for (let done = 0; done < length;) {
      const written = pwrite(this.copy, buffer, done, length - done, at + done)
      if (written < 0) throw new FsError(written, 'pwrite')
      done += written
    }
  }
}

/** Below `size`; an empty step at least, which brings the data to the disk. */
function stepsOf(data: ArchivedFile, size: number): Step[] {
  const steps =
    data.direct?.flatMap(run =>
      run.to < size ? [{ ...run, length: Math.min(run.length, size - run.to) }] : [],
    ) ?? piecesOf(data, size)
  return steps.length > 0 ? steps : [{ fd: -1, from: 0, to: 0, length: 0 }]
}

/** The data below `size` in pieces; holes stay out. */
function piecesOf({ runs }: ArchivedFile, size: number): Step[] {
  const steps: Step[] = []
  for (const run of runs) {
    const end = Math.min(run.offset + run.length, size)
    for (let to = run.offset; to < end; to += PIECE)
      steps.push({ fd: -1, from: to, to, length: Math.min(PIECE, end - to) })
  }
  return steps
}
