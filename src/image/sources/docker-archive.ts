// What `docker save` and `podman save` write: manifest.json lists images, each with its config, its
// tags and its layers' tars (Docker image specification 1.2, "Combined Image JSON + Filesystem
// Changeset Format"). Layers are taken as they are, compressed or not.
import { type ImageConfig, parseConfig } from '../model/config.js'
import { ImageError } from '../model/errors.js'
import { asList, asObject, asString, asStrings, parseJson } from '../model/json-shape.js'
import { layerType } from '../model/media-types.js'
import { parseReference, type Reference } from '../model/reference.js'
import type { Descriptor } from '../model/descriptor.js'
import type { Digest } from '../model/digest.js'
import type { ArrivingBlob } from '../store/image-record.js'
import type { ArchivedImage } from './archived-image.js'
import type { ArchiveMembers } from './archive-members.js'

/** The documents of an archive. */
export interface Documents {
  has(name: string): boolean
  /** @throws ImageError `malformed` or `limit`. */
  document(name: string): Uint8Array
}

/** An image as manifest.json lists it. */
export interface ListedImage {
  readonly config: Uint8Array
  readonly parsed: ImageConfig
  /** Names of the members that are its layers, base first. */
  readonly layers: readonly string[]
  readonly names: readonly Reference[]
}

const LIST = 'manifest.json'

export function isDockerArchive(documents: Pick<Documents, 'has'>): boolean {
  return documents.has(LIST)
}

/** All images of the archive. @throws ImageError `malformed`. */
export function dockerArchiveImages(members: ArchiveMembers): ArchivedImage[] {
  return listedImages(members).map(({ config, parsed, layers, names }) => {
    const described = parsed.diffIds.map((diffId, i) =>
      descriptorOf(members, layers[i] ?? '', diffId),
    )
    return {
      image: { config, layers: described },
      names,
      bring: () => {
        const arriving = new Map<Digest, ArrivingBlob>()
        for (const [i, { digest }] of described.entries()) {
          const blob = members.publish(layers[i] ?? '', digest)
          if (blob !== null) arriving.set(digest, blob)
        }
        return arriving
      },
    }
  })
}

/** What manifest.json says. @throws ImageError `malformed`. */
export function listedImages(documents: Documents): ListedImage[] {
  const list = asList(parseJson(documents.document(LIST), LIST), LIST)
  if (list.length === 0) throw new ImageError('malformed', `${LIST} names no image`)
  return list.map((item, i) => readImage(documents, item, `${LIST}[${i}]`))
}

function readImage(documents: Documents, item: unknown, what: string): ListedImage {
  const object = asObject(item, what)
  const name = memberName(object['Config'], `${what}.Config`)
  const config = documents.document(name)
  const layers = asStrings(object['Layers'], `${what}.Layers`).map(nameOfText)
  const parsed = parseConfig(config, `${what}: config`)
  if (parsed.diffIds.length !== layers.length)
    throw new ImageError(
      'malformed',
      `${what} has ${layers.length} layers and its config ${parsed.diffIds.length}`,
    )
  const names = asStrings(object['RepoTags'], `${what}.RepoTags`).map(readTag)
  return { config, parsed, layers, names }
}

function descriptorOf(
  members: ArchiveMembers,
  layer: string,
  diffId: Digest,
): Descriptor {
  const { digest, size, compression } = members.describe(layer, diffId)
  return { mediaType: layerType(compression), digest, size }
}

function readTag(tag: string): Reference {
  const reference = parseReference(tag)
  if (reference.digest !== undefined)
    throw new ImageError('malformed', `the archive's name ${tag} has a digest`)
  return reference
}

function memberName(value: unknown, what: string): string {
  return nameOfText(asString(value, what))
}

/** Names in the document are text, those of the archive bytes. */
function nameOfText(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}
