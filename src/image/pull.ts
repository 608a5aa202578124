// `pull`: images from registries into the store. Blobs and layers that are there are not fetched
// again, and a pull that broke goes on where it ended.
import { candidateReferences } from './config/short-names.js'
import type { Descriptor } from './model/descriptor.js'
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import { choosePlatform, type Manifest, parseManifest } from './model/manifest.js'
import { hostPlatform, type Platform } from './model/platform.js'
import {
  familiarRepository,
  fullName,
  type Reference,
  splitReference,
  withDigest,
  withTag,
} from './model/reference.js'
import type { Progress } from './progress.js'
import { type Network, RegistryClient } from './registry/client.js'
import { fetchBlob } from './registry/download.js'
import { pullEndpoints } from './registry/endpoint.js'
import { firstOf } from './registry/first-of.js'
import { type FetchedManifest, fetchManifest } from './registry/manifests.js'
import { listTags } from './registry/paging.js'
import { sideBySide } from './registry/side-by-side.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'

export interface PullOptions {
  /** This machine's unless told. */
  readonly platform?: Platform
  /** Every tag of the repository. */
  readonly allTags?: boolean
}

export interface Pulled {
  readonly reference: Reference
  readonly record: ImageRecord
  /** Of the manifest or index that the name stood for. */
  readonly digest: Digest
  /** Whether the name meant another image before, or none. */
  readonly isNew: boolean
}

/** Blobs that come at a time: Docker's number. */
const AT_ONCE = 3
/** Indexes in indexes that are followed. */
const DEEPEST = 4
/** Bytes of a config, as of any document that is kept in memory. */
const LARGEST_CONFIG = 8 * 1024 * 1024

/**
 * Pulls what a written name means: of several registries that a short name may be on, the first
 * that has it.
 * @throws ImageError.
 */
export async function pull(
  store: Store,
  text: string,
  options: PullOptions,
  network: Network,
  progress: Progress,
): Promise<Pulled[]> {
  const written = splitReference(text)
  const all = options.allTags === true
  if (all && (written.tag !== undefined || written.digest !== undefined))
    throw new ImageError('invalid', `${text}: all tags and one of them cannot be meant`)
  const candidates = candidateReferences(text, network.settings)
  return firstOf(candidates, async reference => {
    const wanted = all ? await tagsOf(reference, network) : [reference]
    const pulled: Pulled[] = []
    for (const one of wanted)
      pulled.push(await pullOne(store, one, options, network, progress))
    return pulled
  })
}

async function tagsOf(reference: Reference, network: Network): Promise<Reference[]> {
  return firstOf(clientsFor(reference, network), async client => {
    const tags: Reference[] = []
    for await (const tag of listTags(client)) tags.push(withTag(reference, tag))
    if (tags.length > 0) return tags
    throw new ImageError('not-found', `${familiarRepository(reference)} has no tags`)
  })
}

/** Where others follow, a server that fails twice is left. */
function clientsFor(reference: Reference, network: Network): RegistryClient[] {
  const hasty = { ...network, policy: { ...network.policy, attempts: 2 } }
  return pullEndpoints(reference, network.settings).map(
    (endpoint, i, all) =>
      new RegistryClient(endpoint, i < all.length - 1 ? hasty : network),
  )
}

async function pullOne(
  store: Store,
  reference: Reference,
  options: PullOptions,
  network: Network,
  progress: Progress,
): Promise<Pulled> {
  const clients = clientsFor(reference, network)
  const found = await firstOf(clients, async client => ({
    client,
    documents: await fetchDocuments(client, reference, options.platform),
  }))
  // The one that had the manifest comes first for the blobs too, then the others.
  const ordered = [found.client, ...clients.filter(one => one !== found.client)]
  const { top, indexes, source, manifest } = found.documents
  const before = store.images.find(fullName(reference))
  const record = await store.whileAdding(
    async () => {
      const config = await bringBlobs(ordered, manifest, store, progress)
      return store.addImage(
        {
          manifest: source,
          indexes,
          config,
          layers: manifest.layers,
          pulledAs: [withDigest(reference, top.digest)],
        },
        // A digest is a name that cannot move: there is nothing to tag.
        reference.digest === undefined ? [reference] : [],
        progress,
      )
    },
    () => progress.note('waiting for another command that uses the store'),
  )
  return { reference, record, digest: top.digest, isNew: before?.id !== record.id }
}

interface Documents {
  /** What the name stands for. */
  readonly top: FetchedManifest
  /** The indexes that led to the manifest, outermost first. */
  readonly indexes: readonly FetchedManifest[]
  readonly source: FetchedManifest
  readonly manifest: Manifest
}

/** The manifest for the platform, through as many indexes as there are. */
async function fetchDocuments(
  client: RegistryClient,
  reference: Reference,
  platform: Platform | undefined,
): Promise<Documents> {
  const what = `manifest of ${fullName(reference)}`
  const { tag = 'latest', digest } = reference
  const top = await fetchManifest(client, digest === undefined ? { tag } : { digest })
  const indexes: FetchedManifest[] = []
  let source = top
  for (;;) {
    const parsed = parseManifest(source.bytes, source.mediaType, what)
    if (parsed.kind === 'manifest') return { top, indexes, source, manifest: parsed }
    indexes.push(source)
    if (indexes.length > DEEPEST)
      throw new ImageError('limit', `${what}: more than ${DEEPEST} indexes in each other`)
    const chosen = choosePlatform(parsed, platform ?? hostPlatform(), fullName(reference))
    source = await fetchManifest(client, { digest: chosen.digest })
  }
}

/** Config and layers, each once, into the store; the config's bytes. */
async function bringBlobs(
  clients: readonly RegistryClient[],
  { config, layers }: Manifest,
  store: Store,
  progress: Progress,
): Promise<Uint8Array> {
  if (config.size > LARGEST_CONFIG)
    throw new ImageError('limit', `config ${config.digest} has ${config.size} bytes`)
  const wanted = new Map<Digest, Descriptor>(
    [...layers, config].map(blob => [blob.digest, blob]),
  )
  await sideBySide([...wanted.values()], AT_ONCE, blob =>
    fetchBlob(clients, blob, store.blobs, progress),
  )
  return store.blobs.read(config.digest, LARGEST_CONFIG)
}
