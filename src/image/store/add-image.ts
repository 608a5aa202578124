// An image into the store, its blobs being there: config and manifests written, layers unpacked,
// names given. Nothing of it is seen before the last step.
import { parseConfig } from '../model/config.js'
import type { Descriptor } from '../model/descriptor.js'
import { type Digest, digestOf } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { type Document, ociManifestOf, parseManifest } from '../model/manifest.js'
import { isDockerType, MEDIA } from '../model/media-types.js'
import { fullName, type Reference } from '../model/reference.js'
import type { Progress } from '../progress.js'
import { addEntry } from './entry-changes.js'
import type { ArrivingBlob, ImageRecord, NewImage } from './image-record.js'
import { recordsOf } from './images.js'
import type { Entry } from './index-file.js'
import type { ChainLink } from './layers.js'
import type { Store } from './store.js'

/** See `Store.addImage`. @throws ImageError. */
export async function addImage(
  store: Store,
  image: NewImage,
  names: readonly Reference[],
  progress: Progress,
  onUnpacked: (diffIds: readonly Digest[]) => void = () => undefined,
): Promise<ImageRecord> {
  const id = digestOf(image.config)
  const { diffIds } = parseConfig(image.config, `config ${id}`)
  checkManifest(image, id)
  const links = linksOf(diffIds, image.layers, image.arriving)
  const records = await store.layers.ensure(links, progress)
  // A layer that was unpacked already has waited for none.
  for (const { arrived } of image.arriving?.values() ?? []) await arrived
  onUnpacked(diffIds)
  const entry: Entry = {
    id,
    names: [...new Set(names.map(fullName))].toSorted(),
    digests: [...new Set((image.pulledAs ?? []).map(fullName))].toSorted(),
    ...writeDocuments(store, image),
    added: new Date().toISOString(),
    size: records.reduce((sum, { bytes }) => sum + bytes, 0),
  }
  return store.images.change(entries => {
    const changed = addEntry(entries, entry)
    const record = recordsOf(changed).find(one => one.id === id)
    if (record === undefined) throw new Error(`image ${id} was not added`)
    return { entries: changed, result: record }
  })
}

/** A chain for `Layers.ensure`. @throws ImageError `malformed` when the numbers differ. */
export function linksOf(
  diffIds: readonly Digest[],
  layers: readonly Descriptor[],
  arriving?: ReadonlyMap<Digest, ArrivingBlob>,
): ChainLink[] {
  if (diffIds.length !== layers.length)
    throw new ImageError(
      'malformed',
      `the config has ${diffIds.length} layers and the manifest ${layers.length}`,
    )
  return layers.flatMap(({ digest, size }, i) => {
    const diffId = diffIds[i]
    const onItsWay = arriving?.get(digest)
    const link = { blob: digest, size, ...(onItsWay && { arriving: onItsWay }) }
    return diffId === undefined ? [] : [{ diffId, ...link }]
  })
}

/** The manifest is the one of this config and these layers. */
function checkManifest({ manifest, layers }: NewImage, id: Digest): void {
  if (manifest === undefined) return
  const parsed = parseManifest(manifest.bytes, manifest.mediaType)
  if (parsed.kind === 'index')
    throw new ImageError('invalid', 'an index stands where a manifest should')
  const same =
    parsed.config.digest === id &&
    parsed.layers.length === layers.length &&
    parsed.layers.every(({ digest }, i) => digest === layers[i]?.digest)
  if (!same)
    throw new ImageError('mismatch', `the manifest is not that of the config ${id}`)
}

/** Writes config, manifest and indexes; and an OCI manifest where none came. */
function writeDocuments(
  store: Store,
  image: NewImage,
): Pick<Entry, 'manifest' | 'source' | 'indexes'> {
  const config = store.blobs.add(image.config)
  const write = ({ bytes, mediaType }: Document): Descriptor => ({
    mediaType,
    ...store.blobs.add(bytes),
  })
  const indexes = (image.indexes ?? []).map(write)
  const oci = (): Descriptor =>
    write(ociManifestOf({ mediaType: MEDIA.ociConfig, ...config }, image.layers))
  if (image.manifest === undefined) {
    const manifest = oci()
    return { manifest, source: manifest, indexes }
  }
  const parsed = parseManifest(image.manifest.bytes, image.manifest.mediaType)
  const source = write({ bytes: image.manifest.bytes, mediaType: parsed.mediaType })
  // skopeo and umoci read no Docker types from a layout.
  const manifest = isDockerType(parsed.mediaType) ? oci() : source
  return { manifest, source, indexes }
}
