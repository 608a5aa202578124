// Blobs from the store to a registry (distribution specification, "Pushing blobs"). What is there
// is not sent, what another repository of the same registry has is mounted, small ones go in one
// request, large ones in chunks: after a break the registry is asked how far it got, and the rest
// is sent.
import type { ByteSource } from '../../bytes/byte-source.js'
import type { Descriptor } from '../model/descriptor.js'
import { type Digest, shortDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import type { Progress, ProgressTask } from '../progress.js'
import { TransientError } from './backoff.js'
import type { RegistryClient } from './client.js'
import { discard, type HttpResponse, type RequestBody } from './http.js'
import { pullScope, pushScope } from './scope.js'

/** What is needed of the store. */
export interface BlobSource {
  /** `length` bytes of a blob from `offset`. */
  read(digest: Digest, offset: number, length: number): ByteSource
}

/** Bytes of a chunk, and of the largest blob that is sent in one piece. */
export const CHUNK = 16 * 1024 * 1024

/** How a blob got there. */
export type Sent = 'present' | 'mounted' | 'sent'

/**
 * Sees to it that the repository has a blob.
 * @param from repositories of the same registry that may have it.
 * @throws ImageError.
 */
export async function pushBlob(
  client: RegistryClient,
  descriptor: Descriptor,
  source: BlobSource,
  from: readonly string[],
  progress: Progress,
): Promise<Sent> {
  const { digest, size } = descriptor
  const task = progress.task(shortDigest(digest), size)
  if (await isPresent(client, digest)) {
    task.done('already there')
    return 'present'
  }
  const start = await begin(client, digest, from)
  if (start === 'mounted') {
    task.done('mounted')
    return 'mounted'
  }
  await new Upload(client, descriptor, source, task).run(start)
  task.done()
  return 'sent'
}

async function isPresent(client: RegistryClient, digest: Digest): Promise<boolean> {
  const { repository } = client.endpoint
  const response = await client.request({
    method: 'HEAD',
    at: `${repository}/blobs/${digest}`,
    scopes: [pushScope(repository)],
    expected: [200, 404],
    what: `blob ${digest}`,
  })
  discard(response)
  return response.status === 200
}

/** Where an upload goes on, and the least that a chunk has to have. */
interface Begun {
  readonly location: URL
  readonly chunk: number
}

/** Mounts, or begins an upload: a mount that is refused answers with one that has begun. */
async function begin(
  client: RegistryClient,
  digest: Digest,
  from: readonly string[],
): Promise<Begun | 'mounted'> {
  let begun: Begun | undefined
  for (const other of from) {
    if (begun !== undefined) await abandon(client, begun)
    const query = new URLSearchParams({ mount: digest, from: other })
    const response = await post(client, digest, `?${query.toString()}`, [
      pushScope(client.endpoint.repository),
      pullScope(other),
    ])
    if (response.status === 201) return 'mounted'
    begun = begunBy(client, response)
  }
  if (begun !== undefined) return begun
  const scopes = [pushScope(client.endpoint.repository)]
  return begunBy(client, await post(client, digest, '', scopes))
}

async function post(
  client: RegistryClient,
  digest: Digest,
  query: string,
  scopes: readonly string[],
): Promise<HttpResponse> {
  const response = await client.request({
    method: 'POST',
    at: `${client.endpoint.repository}/blobs/uploads/${query}`,
    scopes,
    expected: query === '' ? [202] : [201, 202],
    what: `upload of ${digest}`,
  })
  discard(response)
  return response
}

function begunBy(client: RegistryClient, response: HttpResponse): Begun {
  const least = Number(response.headers['oci-chunk-min-length'] ?? 0)
  const chunk = Number.isSafeInteger(least) ? Math.max(CHUNK, least) : CHUNK
  return { location: locationOf(client, response), chunk }
}

function locationOf({ endpoint }: RegistryClient, response: HttpResponse): URL {
  const { location } = response.headers
  if (location === undefined || !URL.canParse(location, response.url.href))
    throw new ImageError('registry', `${endpoint.host}: an upload without a Location`)
  return new URL(location, response.url)
}

/** The registry may drop it now; one that cannot drops it when its time is over. */
async function abandon(client: RegistryClient, { location }: Begun): Promise<void> {
  const response = await client.request({
    method: 'DELETE',
    at: location,
    scopes: [pushScope(client.endpoint.repository)],
    expected: [200, 202, 204, 404, 405],
    what: 'unused upload',
  })
  discard(response)
}

/** An upload as far as it got. */
interface State {
  readonly location: URL
  /** Bytes that the registry has. */
  readonly offset: number
  /** Bytes of a chunk; Infinity where the registry takes no chunks. */
  readonly chunk: number
}

/** Carries the bytes until the registry has them all, anew where it says that they are lost. */
class Upload {
  private readonly client: RegistryClient
  private readonly descriptor: Descriptor
  private readonly source: BlobSource
  private readonly task: ProgressTask
  /** Bytes that the task was told of. */
  private told = 0

  constructor(
    client: RegistryClient,
    descriptor: Descriptor,
    source: BlobSource,
    task: ProgressTask,
  ) {
    this.client = client
    this.descriptor = descriptor
    this.source = source
    this.task = task
  }

  async run(begun: Begun): Promise<void> {
    let state: State = { ...begun, offset: 0 }
    let broken = false
    await this.client.retrying(async progressed => {
      if (broken) {
        const found = await this.whereItIs(state)
        if (found === 'complete') return
        if (found.offset > state.offset) progressed()
        state = found
      }
      broken = true
      this.tell(state.offset)
      if (state.offset > 0 || this.descriptor.size > state.chunk)
        while (state.offset < this.descriptor.size && Number.isFinite(state.chunk)) {
          state = await this.sendChunk(state)
          progressed()
        }
      await this.complete(state)
    })
  }

  /** One PATCH ("Pushing a blob in chunks"). */
  private async sendChunk(state: State): Promise<State> {
    const { offset, chunk } = state
    const length = Math.min(chunk, this.descriptor.size - offset)
    const response = await this.client.attempt({
      method: 'PATCH',
      at: state.location,
      headers: {
        'content-type': 'application/octet-stream',
        'content-range': `${offset}-${offset + length - 1}`,
      },
      body: this.body(offset, length),
      scopes: this.scopes(),
      expected: [202, 204, 404, 405, 416],
      what: `chunk of ${this.descriptor.digest}`,
    })
    discard(response)
    if (response.status === 405)
      return { ...(await this.beginAnew()), chunk: Number.POSITIVE_INFINITY }
    if (response.status === 404 || response.status === 416)
      throw this.lost(`the upload stands elsewhere (${response.status})`)
    const location = locationOf(this.client, response)
    return { location, chunk, offset: reached(response) ?? offset + length }
  }

  /** The PUT that ends it, with all that is still missing. */
  private async complete({ location, offset }: State): Promise<void> {
    const { digest, size } = this.descriptor
    const at = new URL(location)
    at.searchParams.set('digest', digest)
    const response = await this.client.attempt({
      method: 'PUT',
      at,
      headers: { 'content-type': 'application/octet-stream' },
      body: this.body(offset, size - offset),
      scopes: this.scopes(),
      expected: [201, 204, 404, 416],
      what: `upload of ${digest}`,
    })
    discard(response)
    if (response.status === 404 || response.status === 416)
      throw this.lost(`the upload is gone (${response.status})`)
  }

  /** After a break: the blob may be whole, the upload may go on, or has to begin anew. */
  private async whereItIs(state: State): Promise<State | 'complete'> {
    if (await isPresent(this.client, this.descriptor.digest)) return 'complete'
    const response = await this.client.attempt({
      method: 'GET',
      at: state.location,
      scopes: this.scopes(),
      expected: [200, 202, 204, 400, 404, 405, 416],
      what: `state of the upload of ${this.descriptor.digest}`,
    })
    discard(response)
    const offset = response.status < 300 ? reached(response) : undefined
    if (offset === undefined || offset > this.descriptor.size)
      return { ...(await this.beginAnew()), chunk: state.chunk }
    const { location } = response.headers
    return {
      ...state,
      offset,
      location:
        location === undefined ? state.location : locationOf(this.client, response),
    }
  }

  private async beginAnew(): Promise<State> {
    const { digest } = this.descriptor
    return {
      ...begunBy(this.client, await post(this.client, digest, '', this.scopes())),
      offset: 0,
    }
  }

  private lost(why: string): TransientError {
    const { host } = this.client.endpoint
    return new TransientError(
      new ImageError('registry', `${host}: ${this.descriptor.digest}: ${why}`),
    )
  }

  private body(offset: number, length: number): RequestBody {
    const open = (): ByteSource => this.counted(offset, length)
    return { length, open }
  }

  private async *counted(offset: number, length: number): ByteSource {
    if (length === 0) return
    this.tell(offset)
    for await (const part of this.source.read(this.descriptor.digest, offset, length)) {
      yield part
      this.tell(this.told + part.length)
    }
  }

  /** A part that has to be sent once more is taken back. */
  private tell(bytes: number): void {
    if (bytes !== this.told) this.task.advance(bytes - this.told)
    this.told = bytes
  }

  private scopes(): string[] {
    return [pushScope(this.client.endpoint.repository)]
  }
}

/** Bytes that the registry has, from `Range: 0-LAST`; `0-0` is what an empty upload answers. */
function reached({ headers }: HttpResponse): number | undefined {
  const last = /^(?:bytes=)?0-(\d+)$/.exec(headers.range ?? '')?.[1]
  if (last === undefined) return undefined
  return last === '0' ? 0 : Number(last) + 1
}
