// Manifests and indexes, OCI's and Docker's (OCI manifest.md, image-index.md; Docker image
// manifest version 2, schema 2). Bytes are never written anew: their digest is their name.
import { type Descriptor, parseDescriptor } from './descriptor.js'
import { ImageError } from './errors.js'
import {
  asList,
  asObject,
  type JsonObject,
  malformed,
  optionalMap,
  optionalString,
  parseJson,
} from './json-shape.js'
import {
  isForeignLayer,
  isIndexType,
  isManifestType,
  MEDIA,
  toOciType,
} from './media-types.js'
import { formatPlatform, type Platform, platformFit } from './platform.js'

/** Bytes as they came, with the type they came under. */
export interface Document {
  readonly bytes: Uint8Array
  readonly mediaType: string
}

export interface Manifest {
  readonly kind: 'manifest'
  readonly mediaType: string
  readonly config: Descriptor
  /** Base first. */
  readonly layers: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

export interface Index {
  readonly kind: 'index'
  readonly mediaType: string
  readonly manifests: readonly Descriptor[]
  readonly annotations?: Readonly<Record<string, string>>
}

/**
 * A manifest or an index.
 * @param mediaType the type it was served under; without one the document's own, or its shape, says.
 * @throws ImageError `malformed`, or `unsupported` for schema 1 and for artifacts that are no image.
 */
export function parseManifest(
  bytes: Uint8Array,
  mediaType?: string,
  what = 'manifest',
): Manifest | Index {
  const object = asObject(parseJson(bytes, what), what)
  const type = typeOf(object, mediaType, what)
  const annotations = optionalMap(object['annotations'], `${what}: annotations`)
  const extra = annotations === undefined ? {} : { annotations }
  if (isIndexType(type)) {
    const manifests = asList(object['manifests'], `${what}: manifests`).map((item, i) =>
      parseDescriptor(item, `${what}: manifests[${i}]`),
    )
    return { kind: 'index', mediaType: type, manifests, ...extra }
  }
  const layers = asList(object['layers'], `${what}: layers`).map((item, i) =>
    parseDescriptor(item, `${what}: layers[${i}]`),
  )
  const foreign = layers.find(layer => isForeignLayer(layer.mediaType))
  if (foreign !== undefined)
    throw new ImageError(
      'unsupported',
      `${what}: layer ${foreign.digest} is kept elsewhere`,
      {
        layer: foreign.digest,
      },
    )
  const config = parseDescriptor(object['config'], `${what}: config`)
  return { kind: 'manifest', mediaType: type, config, layers, ...extra }
}

function typeOf(object: JsonObject, given: string | undefined, what: string): string {
  const own = optionalString(object['mediaType'], `${what}: mediaType`)
  if (object['schemaVersion'] === 1)
    throw new ImageError(
      'unsupported',
      `${what} is of Docker's schema 1, which no tool writes any more`,
    )
  const shape = 'manifests' in object ? MEDIA.ociIndex : MEDIA.ociManifest
  const type = [given, own].find(
    one => one !== undefined && (isIndexType(one) || isManifestType(one)),
  )
  if (type === undefined && own !== undefined)
    throw new ImageError('unsupported', `${what} is of the type ${own}`)
  if (type !== undefined && isIndexType(type) !== isIndexType(shape))
    throw malformed(what, `says it is ${type} and has another's fields`)
  if ('manifests' in object && 'layers' in object)
    throw malformed(what, 'is a manifest and an index at once')
  return type ?? shape
}

/**
 * The manifest of an index that serves a platform best; the first of equals.
 * @throws ImageError `not-found` with what is offered.
 */
export function choosePlatform(index: Index, wanted: Platform, what: string): Descriptor {
  let best: Descriptor | undefined
  let bestFit = 0
  for (const one of index.manifests) {
    const fit = fitOf(one, wanted)
    if (fit > bestFit) [best, bestFit] = [one, fit]
  }
  if (best !== undefined) return best
  const offered = index.manifests
    .map(one => (one.platform === undefined ? 'unknown' : formatPlatform(one.platform)))
    .join(', ')
  throw new ImageError(
    'not-found',
    `${what} has no image for ${formatPlatform(wanted)}; it offers ${offered || 'nothing'}`,
  )
}

/** A manifest that says no platform fits all, but less well than one that does. */
function fitOf(one: Descriptor, wanted: Platform): number {
  if (!isManifestType(one.mediaType) && !isIndexType(one.mediaType)) return 0
  return one.platform === undefined ? 1 : platformFit(one.platform, wanted)
}

/** The OCI manifest over a config and layers, the same bytes for the same image. */
export function ociManifestOf(
  config: Descriptor,
  layers: readonly Descriptor[],
): Document {
  const plain = ({ mediaType, digest, size }: Descriptor) => ({
    mediaType: toOciType(mediaType),
    digest,
    size,
  })
  const text = JSON.stringify({
    schemaVersion: 2,
    mediaType: MEDIA.ociManifest,
    config: { ...plain(config), mediaType: MEDIA.ociConfig },
    layers: layers.map(plain),
  })
  return { bytes: Buffer.from(text, 'utf8'), mediaType: MEDIA.ociManifest }
}
