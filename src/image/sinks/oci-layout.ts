// Writes OCI image layouts, as a tar or into a folder (OCI image specification, image-layout.md).
// Blobs are written as they are; a manifest in Docker's types is replaced by the OCI one over the
// same config and layers, since a layout's readers know no other.
import * as fs from 'node:fs'
import { type ByteSource, bytesOf } from '../../bytes/byte-source.js'
import { TarWriter } from '../../tar/writer.js'
import type { Descriptor } from '../model/descriptor.js'
import { ImageError } from '../model/errors.js'
import { parseManifest } from '../model/manifest.js'
import { MEDIA } from '../model/media-types.js'
import { Blobs } from '../store/blobs.js'
import { REF_NAME } from '../store/index-file.js'
import { replaceFile } from '../store/replace-file.js'
import type { Store } from '../store/store.js'
import { nodePath, StorePlace } from '../store/store-place.js'
import { fileMember, folderMember } from './archive-entry.js'
import type { SavedImage } from './saved-image.js'

/** The name in full, as containerd and Docker look for it. */
const CONTAINERD_NAME = 'io.containerd.image.name'
const LAYOUT = '{"imageLayoutVersion":"1.0.0"}'

/** The archive's bytes. */
export async function* ociArchive(
  store: Store,
  images: readonly SavedImage[],
  onBytes: (count: number) => void,
): ByteSource {
  const tar = new TarWriter()
  yield folderMember(tar, 'blobs')
  yield folderMember(tar, 'blobs/sha256')
  for (const { digest, size } of blobsOf(store, images)) {
    const name = `blobs/${digest.replace(':', '/')}`
    yield* fileMember(tar, name, size, counted(store.blobs.open(digest), onBytes))
  }
  for (const [name, text] of [
    ['oci-layout', LAYOUT],
    ['index.json', indexOf(images)],
  ] as const) {
    const bytes = Buffer.from(text, 'utf8')
    yield* fileMember(tar, name, bytes.length, bytesOf(bytes))
  }
  yield tar.end()
}

/**
 * Fills a folder, which is made; it must be empty if it is there.
 * @param folder a latin1 string of bytes.
 */
export async function ociFolder(
  store: Store,
  images: readonly SavedImage[],
  folder: string,
  onBytes: (count: number) => void,
): Promise<void> {
  const place = new StorePlace(folder)
  fs.mkdirSync(nodePath(folder), { recursive: true })
  if (fs.readdirSync(nodePath(folder)).length > 0)
    throw new ImageError('conflict', `${folder} is not empty`)
  fs.mkdirSync(nodePath(place.blobs), { recursive: true })
  fs.mkdirSync(nodePath(place.incoming))
  const blobs = new Blobs(place)
  for (const { digest, size } of blobsOf(store, images))
    await blobs.write(counted(store.blobs.open(digest), onBytes), { digest, size })
  fs.rmdirSync(nodePath(place.incoming))
  replaceFile(place.layout, LAYOUT)
  replaceFile(place.index, indexOf(images))
}

/** Every blob once. */
function blobsOf(store: Store, images: readonly SavedImage[]): Descriptor[] {
  const blobs = new Map<string, Descriptor>()
  for (const { record } of images) {
    const [{ manifest }] = record.variants
    const parsed = parseManifest(store.blobs.read(manifest.digest), manifest.mediaType)
    if (parsed.kind === 'index')
      throw new ImageError('store', `${manifest.digest} is an index, not a manifest`)
    for (const one of [manifest, parsed.config, ...parsed.layers])
      blobs.set(one.digest, one)
  }
  return [...blobs.values()]
}

function indexOf(images: readonly SavedImage[]): string {
  const manifests = images.flatMap(({ record, names }) => {
    const [{ manifest }] = record.variants
    if (names.length === 0) return [manifest]
    return names.map(name => ({
      ...manifest,
      annotations: { [CONTAINERD_NAME]: name, [REF_NAME]: name },
    }))
  })
  return JSON.stringify({ schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests })
}

async function* counted(
  source: ByteSource,
  onBytes: (count: number) => void,
): ByteSource {
  for await (const piece of source) {
    onBytes(piece.length)
    yield piece
  }
}
