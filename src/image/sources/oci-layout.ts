// OCI image layouts, a folder or a tar of one (OCI image specification, image-layout.md). Every
// document is checked against the digest that leads to it.
import { type Descriptor, parseDescriptor } from '../model/descriptor.js'
import { digestOf, type Digest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { asList, asObject, parseJson } from '../model/json-shape.js'
import { choosePlatform, type Document, parseManifest } from '../model/manifest.js'
import type { Platform } from '../model/platform.js'
import { parseReference, type Reference, splitReference } from '../model/reference.js'
import type { ArrivingBlob } from '../store/image-record.js'
import type { ArchivedImage } from './archived-image.js'

/** Where a layout's files come from. */
export interface LayoutFiles {
  /** Of a file below the layout's root. @throws ImageError `malformed` when it is not there. */
  document(name: string): Uint8Array
  has(name: string): boolean
  /**
   * Makes a blob of the layout one of the store's, or begins to: where it can be read until then.
   * @throws ImageError
   */
  bring(blob: Descriptor): ArrivingBlob | null
}

/** OCI annotations.md, and what containerd and Docker write beside it. */
const REF_NAME = 'org.opencontainers.image.ref.name'
const CONTAINERD_NAME = 'io.containerd.image.name'
/** Indexes in indexes. */
const MAX_DEPTH = 4

export function isLayout(files: Pick<LayoutFiles, 'has'>): boolean {
  return files.has('oci-layout') && files.has('index.json')
}

/**
 * The images that index.json names, the fitting one of each index.
 * @param platform the one that is wanted of an index.
 * @throws ImageError `malformed`, or `not-found` when an index has none that fits.
 */
export function layoutImages(files: LayoutFiles, platform: Platform): ArchivedImage[] {
  const object = asObject(
    parseJson(files.document('index.json'), 'index.json'),
    'index.json',
  )
  const list = asList(object['manifests'], 'index.json: manifests').map((item, i) =>
    parseDescriptor(item, `index.json: manifests[${i}]`),
  )
  const [first] = list
  if (first === undefined) throw new ImageError('malformed', 'index.json names no image')
  return sameImages(list).map(({ descriptor, names }) =>
    readImage(files, descriptor, names, platform),
  )
}

/** A manifest that has several names stands there as often. */
function sameImages(
  list: readonly Descriptor[],
): { descriptor: Descriptor; names: Reference[] }[] {
  const found = new Map<Digest, { descriptor: Descriptor; names: Reference[] }>()
  for (const descriptor of list) {
    const known = found.get(descriptor.digest) ?? { descriptor, names: [] }
    const name = nameOf(descriptor)
    if (name !== null) known.names.push(name)
    found.set(descriptor.digest, known)
  }
  return [...found.values()]
}

/**
 * A bare word (`latest`, `v1`) is the tag that umoci and skopeo write, and no repository of
 * anybody's: it becomes one of `localhost`, as podman has it.
 */
function nameOf({ annotations = {} }: Descriptor): Reference | null {
  const full = annotations[CONTAINERD_NAME]
  if (full !== undefined) return parseReference(full)
  const name = annotations[REF_NAME]
  if (name === undefined || name === '') return null
  try {
    const written = splitReference(name)
    const isWord = written.host === undefined && !/[:/@]/.test(name)
    return parseReference(isWord ? `localhost/${name}` : name)
  } catch (error) {
    // The annotation's grammar allows more than names of images are.
    if (error instanceof ImageError) return null
    throw error
  }
}

function readImage(
  files: LayoutFiles,
  described: Descriptor,
  names: readonly Reference[],
  platform: Platform,
): ArchivedImage {
  const indexes: Document[] = []
  let at = described
  for (let depth = 0; ; depth++) {
    if (depth > MAX_DEPTH)
      throw new ImageError('limit', `index ${described.digest} is nested too deeply`)
    const document = documentOf(files, at)
    const parsed = parseManifest(document.bytes, document.mediaType, at.digest)
    if (parsed.kind === 'manifest') {
      const config = documentOf(files, parsed.config).bytes
      return {
        image: { manifest: document, indexes, config, layers: parsed.layers },
        names,
        bring: () => {
          const arriving = new Map<Digest, ArrivingBlob>()
          for (const layer of parsed.layers) {
            const blob = files.bring(layer)
            if (blob !== null) arriving.set(layer.digest, blob)
          }
          return arriving
        },
      }
    }
    indexes.push({ ...document, mediaType: parsed.mediaType })
    at = choosePlatform(parsed, platform, names[0]?.repository ?? at.digest)
  }
}

function documentOf(files: LayoutFiles, { digest, mediaType }: Descriptor): Document {
  const bytes = files.document(blobName(digest))
  const found = digestOf(bytes)
  if (found !== digest)
    throw new ImageError('mismatch', `${digest} has the contents of ${found}`)
  return { bytes, mediaType }
}

/** `blobs/sha256/HEX`. */
export function blobName(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`
}
