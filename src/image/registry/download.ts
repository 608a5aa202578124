// Blobs from a registry into the store. What came stays when the connection breaks, and the next
// request asks for the rest alone (RFC 9110, 14: Range, 206, Content-Range), in this run or a later
// one. The store checks digest and size; only a whole blob is published.
import type { ByteSource } from '../../bytes/byte-source.js'
import type { Descriptor } from '../model/descriptor.js'
import { shortDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import type { PartialBlob } from '../store/image-record.js'
import type { Progress, ProgressTask } from '../progress.js'
import type { RegistryClient } from './client.js'
import { discard, type HttpResponse } from './http.js'
import { pullScope } from './scope.js'

/** What is needed of the store. */
export interface BlobSink {
  has(digest: Descriptor['digest'], size?: number): boolean
  partial(digest: Descriptor['digest'], size?: number): Promise<PartialBlob | null>
}

/** Bytes after which a broken download counts as having got further. */
const HEADWAY = 256 * 1024

/**
 * Brings one blob into the store.
 * @param clients where it may be had, in the order of trying; all go on with the same part.
 * @throws ImageError of the last one.
 */
export async function fetchBlob(
  clients: readonly RegistryClient[],
  descriptor: Descriptor,
  blobs: BlobSink,
  progress: Progress,
): Promise<void> {
  const { digest, size } = descriptor
  const task = progress.task(shortDigest(digest), size)
  const partial = await blobs.partial(digest, size)
  if (partial === null) {
    task.done('already there')
    return
  }
  try {
    task.advance(partial.size)
    await fromAny(clients, descriptor, partial, task)
    await partial.finish()
    task.done()
  } finally {
    await partial.close()
  }
}

async function fromAny(
  clients: readonly RegistryClient[],
  descriptor: Descriptor,
  partial: PartialBlob,
  task: ProgressTask,
): Promise<void> {
  const errors: unknown[] = []
  for (const client of clients) {
    try {
      await client.retrying(async progressed => {
        const before = partial.size
        try {
          await fetchRest(client, descriptor, partial, task)
        } finally {
          if (partial.size - before >= HEADWAY) progressed()
        }
      })
      return
    } catch (error) {
      // A wrong blob is wrong on the others too, as far as one can know; what is not there, or
      // not to be reached, may be on another.
      if (!(error instanceof ImageError) || error.code === 'mismatch') throw error
      errors.push(error)
    }
  }
  throw errors.at(-1)
}

/** One try: the bytes after those that are there. */
async function fetchRest(
  client: RegistryClient,
  descriptor: Descriptor,
  partial: PartialBlob,
  task: ProgressTask,
): Promise<void> {
  const { digest, size } = descriptor
  if (partial.size === size) return
  const { repository } = client.endpoint
  const from = partial.size
  const response = await client.attempt({
    method: 'GET',
    at: `${repository}/blobs/${digest}`,
    ...(from === 0 ? {} : { headers: { range: `bytes=${from}-` } }),
    scopes: [pullScope(repository)],
    expected: from === 0 ? [200] : [200, 206, 416],
    what: `blob ${digest}`,
  })
  if (!continues(response, from, size)) {
    task.advance(-from)
    await partial.restart()
    // 200 is the whole blob, from a server that knows no ranges; anything else is of no use.
    if (response.status !== 200) {
      discard(response)
      await fetchRest(client, descriptor, partial, task)
      return
    }
  }
  try {
    await partial.append(counted(response, task))
  } catch (error) {
    response.body.destroy()
    throw client.failure(error)
  }
}

/** Whether the body is what follows the bytes that are there. */
function continues(response: HttpResponse, from: number, size: number): boolean {
  if (response.status !== 206) return from === 0
  const range = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(
    response.headers['content-range'] ?? '',
  )
  return range !== null && Number(range[1]) === from && Number(range[2]) < size
}

async function* counted(response: HttpResponse, task: ProgressTask): ByteSource {
  for await (const part of response.body as AsyncIterable<Uint8Array>) {
    yield part
    task.advance(part.length)
  }
}
