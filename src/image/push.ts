// `push`: images of the store to their registry, manifests and layers as they are. No blob goes
// twice: not one that the registry has, nor one that several tags share.
import type { Descriptor } from './model/descriptor.js'
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import { parseManifest } from './model/manifest.js'
import {
  familiarRepository,
  fullName,
  parseReference,
  type Reference,
  repositoryName,
  splitReference,
} from './model/reference.js'
import type { Progress } from './progress.js'
import { slicesOf } from './registry/blob-slice.js'
import { type Network, RegistryClient } from './registry/client.js'
import { ownEndpoint } from './registry/endpoint.js'
import { putManifest } from './registry/manifests.js'
import { sideBySide } from './registry/side-by-side.js'
import { pushBlob, type Sent } from './registry/upload.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'

export interface Pushed {
  readonly reference: Reference
  readonly record: ImageRecord
  /** Of the manifest on the registry. */
  readonly digest: Digest
}

/** Blobs that go at a time: Docker's number. */
const AT_ONCE = 5
/** Repositories that are asked to lend a blob, at most. */
const LENDERS = 2

/**
 * Pushes one tag, or every tag of a repository where none is written.
 * @throws ImageError `not-found` where the store has no such name, or what the registry answers.
 */
export async function push(
  store: Store,
  text: string,
  network: Network,
  progress: Progress,
): Promise<Pushed[]> {
  const references = namesToPush(store, text)
  const [first] = references
  if (first === undefined)
    throw new ImageError('not-found', `the store has no image named ${text}`)
  const client = new RegistryClient(ownEndpoint(first, network.settings), network)
  const job = { store, client, progress, blobs: new Map<Digest, Promise<Sent>>() }
  const pushed: Pushed[] = []
  for (const reference of references) pushed.push(await pushOne(job, reference))
  return pushed
}

/** The names of the store that are meant, sorted. */
export function namesToPush(store: Store, text: string): Reference[] {
  const { tag, digest } = splitReference(text)
  if (digest !== undefined)
    throw new ImageError('invalid', `${text}: a digest cannot be pushed to, a tag can`)
  const names = store.images.list().flatMap(record => record.names.map(parseReference))
  for (const candidate of store.images.candidates(text)) {
    const found = names.filter(
      name =>
        repositoryName(name) === repositoryName(candidate) &&
        (tag === undefined || name.tag === tag),
    )
    if (found.length > 0)
      return found.toSorted((a, b) => (fullName(a) < fullName(b) ? -1 : 1))
  }
  return []
}

interface Job {
  readonly store: Store
  readonly client: RegistryClient
  readonly progress: Progress
  /** What is on its way or there already, from this command. */
  readonly blobs: Map<Digest, Promise<Sent>>
}

async function pushOne(job: Job, reference: Reference): Promise<Pushed> {
  const { store, client } = job
  const record = store.resolve(fullName(reference))
  const { source } = record.variants[0]
  const bytes = store.blobs.read(source.digest)
  const manifest = parseManifest(bytes, source.mediaType, `manifest ${source.digest}`)
  if (manifest.kind === 'index')
    throw new ImageError('store', `${source.digest} is an index, not a manifest`)
  const needed = new Map<Digest, Descriptor>(
    [...manifest.layers, manifest.config].map(blob => [blob.digest, blob]),
  )
  const lenders = lendersOf(store, reference)
  await sideBySide([...needed.values()], AT_ONCE, blob => sendOnce(job, blob, lenders))
  const { tag = 'latest' } = reference
  const digest = await putManifest(client, tag, { bytes, mediaType: source.mediaType })
  await store.noteDigest(record, reference)
  return { reference, record, digest }
}

async function sendOnce(
  { store, client, progress, blobs }: Job,
  blob: Descriptor,
  lenders: ReadonlyMap<Digest, readonly string[]>,
): Promise<void> {
  const known = blobs.get(blob.digest)
  if (known !== undefined) {
    await known
    return
  }
  if (!store.blobs.has(blob.digest, blob.size))
    throw new ImageError(
      'not-found',
      `the store has no blob ${blob.digest} of ${familiarRepository(client.endpoint)}`,
    )
  const from = (lenders.get(blob.digest) ?? []).slice(0, LENDERS)
  const sent = pushBlob(client, blob, slicesOf(store.blobs), from, progress)
  blobs.set(blob.digest, sent)
  await sent
}

/**
 * Other repositories of the same host that are known to have blobs: images were pulled from them
 * or pushed to them, and may have been removed there since.
 */
function lendersOf(store: Store, reference: Reference): Map<Digest, string[]> {
  const lenders = new Map<Digest, string[]>()
  for (const { variants } of store.images.list())
    for (const { digests, source } of variants) {
      const repositories = digests
        .map(parseReference)
        .filter(({ host }) => host === reference.host)
        .map(({ repository }) => repository)
        .filter(repository => repository !== reference.repository)
      if (repositories.length === 0) continue
      const manifest = parseManifest(store.blobs.read(source.digest), source.mediaType)
      if (manifest.kind === 'index') continue
      for (const { digest } of [manifest.config, ...manifest.layers])
        lenders.set(digest, [
          ...new Set([...(lenders.get(digest) ?? []), ...repositories]),
        ])
    }
  return lenders
}
