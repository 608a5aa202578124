// One layer from its blob to its folder, verified on the way: the blob's digest is that of the
// bytes read, the diff id that of the tar inside. Publishes nothing and removes nothing.
import { createHash, type Hash } from 'node:crypto'
import * as fs from 'node:fs'
import { bytesOf, type ByteSource } from '../../bytes/byte-source.js'
import {
  decompress,
  decompressBytes,
  type Decompressed,
} from '../../compress/decompress.js'
import { layerFormat } from '../../layer/format.js'
import { ContentDigests } from '../inventory/content-digests.js'
import { recordInventory } from '../inventory/record-inventory.js'
import { digestOfHex } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { applyLayer } from '../unpack/apply-layer.js'
import { explain } from '../unpack/refusal.js'
import { fileSource } from './file-source.js'
import type { LastStack } from './last-stack.js'
import type { UnpackJob, UnpackResult } from './store-job.js'
import { nodePath } from './store-place.js'

const SMALL = 256 * 1024

/**
 * @param onBytes is told of bytes of the blob as they are read.
 * @throws ImageError that names the layer, and the entry where one is at fault.
 */
export async function unpackLayer(
  job: UnpackJob,
  stacks: LastStack,
  onBytes: (count: number) => void,
): Promise<UnpackResult> {
  const blob = openBlob(job, onBytes)
  const { compression, stream } = await blob.plain
  // A layer that is not compressed has one digest for both, and is hashed once.
  const tarHash = compression === 'none' ? null : createHash('sha256')
  const tar = new WatchedSource(stream, tarHash)
  const digests = new ContentDigests()
  // 0/0 devices may be made by anybody since Linux 5.8 (vfs_mknod).
  const format = layerFormat(job.format, true, false)
  const done = await applyLayer(tar, {
    directory: job.directory,
    parents: stacks.of(job.parents, job.format, format),
    format,
    layerName: job.blobDigest,
    digests,
  })
  await drain(job, tar, blob.packed)
  verify('digest', blob.packed.hex(), job.blobDigest, job)
  verify('diff id', tarHash === null ? blob.packed.hex() : tar.hex(), job.diffId, job)
  fs.writeFileSync(nodePath(job.inventory), recordInventory(job.directory, digests))
  if (job.published !== null) stacks.add(job.directory, job.published)
  return { entries: done.entries, bytes: done.bytes, tarSize: tar.bytes }
}

/** A blob as it is read: watched, and decompressed. */
interface OpenBlob {
  readonly packed: WatchedSource
  readonly plain: Promise<Decompressed>
}

/** A small blob costs one read, and no other thread. */
function openBlob(job: UnpackJob, onBytes: (count: number) => void): OpenBlob {
  const { blob, offset, size } = job
  const hash = createHash('sha256')
  if (size > SMALL) {
    const packed = new WatchedSource(fileSource(blob, offset, size), hash, onBytes)
    return { packed, plain: decompress(packed) }
  }
  const bytes = readSmall(job)
  hash.update(bytes)
  onBytes(bytes.length)
  return { packed: new WatchedSource(bytesOf(), hash), plain: decompressBytes(bytes) }
}

function readSmall({ blob, offset, size }: UnpackJob): Uint8Array {
  const bytes = Buffer.allocUnsafe(size)
  const fd = fs.openSync(nodePath(blob), 'r')
  try {
    return bytes.subarray(0, fs.readSync(fd, bytes, 0, size, offset))
  } finally {
    fs.closeSync(fd)
  }
}

/** What stands after the archive's end belongs to the digests all the same. */
async function drain(
  job: UnpackJob,
  ...sources: readonly WatchedSource[]
): Promise<void> {
  try {
    for (const source of sources) await source.drain()
  } catch (error) {
    throw explain(error, job.blobDigest)
  }
}

function verify(what: string, hex: string, expected: string, job: UnpackJob): void {
  const found = digestOfHex(hex)
  if (found === expected) return
  throw new ImageError(
    'mismatch',
    `layer ${job.blobDigest}: its ${what} is ${found} instead of ${expected}`,
    { layer: job.blobDigest },
  )
}

/** A source that is watched as it goes by, and can be read to its end by someone else. */
class WatchedSource implements AsyncIterable<Uint8Array> {
  /** Bytes that have gone by. */
  bytes = 0
  private readonly inner: AsyncIterator<Uint8Array>
  private readonly hash: Hash | null
  private readonly onBytes: (count: number) => void

  constructor(
    source: ByteSource,
    hash: Hash | null,
    onBytes: (count: number) => void = () => undefined,
  ) {
    this.inner = source[Symbol.asyncIterator]()
    this.hash = hash
    this.onBytes = onBytes
  }

  /** Without `return`: a reader that stops early leaves the rest to `drain`. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return { next: () => this.next() }
  }

  async drain(): Promise<void> {
    while ((await this.next()).done !== true);
  }

  /** The digest of what has gone by. */
  hex(): string {
    return this.hash?.copy().digest('hex') ?? ''
  }

  private async next(): Promise<IteratorResult<Uint8Array>> {
    const step = await this.inner.next()
    if (step.done === true) return step
    this.hash?.update(step.value)
    this.bytes += step.value.length
    this.onBytes(step.value.length)
    return step
  }
}
