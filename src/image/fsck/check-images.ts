// Records against what they lead to: config, manifests, blobs and unpacked layers of each image.
import { parseConfig } from '../model/config.js'
import { shortDigest, type Digest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { type Manifest, ociManifestOf, parseManifest } from '../model/manifest.js'
import { MEDIA } from '../model/media-types.js'
import type { Progress } from '../progress.js'
import { linksOf } from '../store/add-image.js'
import { removeImage } from '../store/entry-changes.js'
import type { ImageRecord, ImageVariant } from '../store/image-record.js'
import type { Store } from '../store/store.js'
import { replaceFile, readIfThere } from '../store/replace-file.js'
import type { Problem } from './problem.js'

export async function checkImages(
  store: Store,
  repair: boolean,
  progress: Progress,
): Promise<Problem[]> {
  const problems = checkLayout(store, repair)
  for (const record of store.images.list())
    problems.push(...(await checkImage(store, record, repair, progress)))
  return problems
}

function checkLayout(store: Store, repair: boolean): Problem[] {
  const text = '{"imageLayoutVersion":"1.0.0"}\n'
  if (readIfThere(store.place.layout) !== null) return []
  if (repair) replaceFile(store.place.layout, text)
  return [
    {
      kind: 'record',
      subject: 'oci-layout',
      text: 'the file oci-layout is missing: other programs do not see the layout',
      repaired: repair ? 'written' : null,
    },
  ]
}

async function checkImage(
  store: Store,
  record: ImageRecord,
  repair: boolean,
  progress: Progress,
): Promise<Problem[]> {
  const name = record.names[0] ?? shortDigest(record.id)
  const problem = (text: string, repaired: string | null): Problem => ({
    kind: 'image',
    subject: record.id,
    text: `image ${name}: ${text}`,
    repaired,
  })
  const found: Problem[] = []
  try {
    const { diffIds } = parseConfig(store.blobs.read(record.id))
    for (const variant of record.variants) {
      const manifest = readSource(store, variant)
      if (restoreManifest(store, variant, manifest, repair))
        found.push(
          problem(
            `its manifest ${variant.manifest.digest} is missing`,
            repair ? 'written anew' : null,
          ),
        )
      for (const { digest } of missingLayers(store, manifest))
        found.push(
          problem(`its layer blob ${digest} is missing: pull or load it again`, null),
        )
    }
    found.push(
      ...(await missingUnpacked(store, record, diffIds, problem, repair, progress)),
    )
  } catch (error) {
    if (!(error instanceof ImageError)) throw error
    if (repair) await dropRecord(store, record.id)
    found.push(problem(error.message, repair ? 'forgotten: pull or load it again' : null))
  }
  return found
}

function readSource(store: Store, { source }: ImageVariant): Manifest {
  const what = `manifest ${source.digest}`
  const parsed = parseManifest(store.blobs.read(source.digest), source.mediaType, what)
  if (parsed.kind === 'manifest') return parsed
  throw new ImageError('store', `${what} is an index`)
}

/** Whether the OCI manifest made of one in Docker's types is not there; it can be made again. */
function restoreManifest(
  store: Store,
  variant: ImageVariant,
  { config, layers }: Manifest,
  repair: boolean,
): boolean {
  if (store.blobs.has(variant.manifest.digest, variant.manifest.size)) return false
  if (repair)
    store.blobs.add(
      ociManifestOf({ ...config, mediaType: MEDIA.ociConfig }, layers).bytes,
    )
  return true
}

function missingLayers(store: Store, { layers }: Manifest): Manifest['layers'] {
  return layers.filter(({ digest, size }) => !store.blobs.has(digest, size))
}

async function missingUnpacked(
  store: Store,
  record: ImageRecord,
  diffIds: readonly Digest[],
  problem: (text: string, repaired: string | null) => Problem,
  repair: boolean,
  progress: Progress,
): Promise<Problem[]> {
  const chain = store.layers.chainOf({ diffIds })
  const missing = chain.filter(chainId => !store.layers.has(chainId))
  if (missing.length === 0) return []
  const manifest = store.manifestOf(record)
  const canUnpack = missingLayers(store, manifest).length === 0
  if (repair && canUnpack)
    await store.layers.ensure(linksOf(diffIds, manifest.layers), progress)
  return missing.map(chainId =>
    problem(
      `its layer ${shortDigest(chainId)} is not unpacked`,
      repair && canUnpack ? 'unpacked' : null,
    ),
  )
}

async function dropRecord(store: Store, id: Digest): Promise<void> {
  await store.images.change(entries => ({
    entries: removeImage(entries, id),
    result: null,
  }))
}
