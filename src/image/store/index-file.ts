// index.json: the OCI layout's list of images, and the store's record of them. It is the one record,
// replaced as a whole by a rename: a verb that moves a tag from one image to another changes both
// or neither, no database that could disagree with the layout stands beside it, and what other
// tools add to the layout is seen. It is small: one entry a name.
import { type Descriptor, parseDescriptor } from '../model/descriptor.js'
import { type Digest, parseDigest } from '../model/digest.js'
import {
  asList,
  asObject,
  asString,
  asCount,
  asStrings,
  isObject,
  parseJson,
} from '../model/json-shape.js'
import { MEDIA } from '../model/media-types.js'
import type { ImageVariant } from './image-record.js'

/** OCI annotations.md: the name of a manifest in a layout. */
export const REF_NAME = 'org.opencontainers.image.ref.name'
/** Ours: what the layout has no field for. */
const RECORD = 'plyfs.image'

/** One manifest of an image, and the names that lead to it. */
export interface Entry extends ImageVariant {
  readonly id: Digest
  readonly added: string
  readonly size: number
}

/** A manifest that another program has put into the layout, with the name it gave it. */
export interface StrangeEntry {
  readonly manifest: Descriptor
  readonly name: string | null
}

export interface IndexContents {
  /** The newest first. */
  readonly entries: readonly Entry[]
  readonly strange: readonly StrangeEntry[]
}

/** @throws ImageError `malformed`. */
export function parseIndexFile(bytes: Uint8Array): IndexContents {
  const what = 'index.json of the store'
  const found = asList(asObject(parseJson(bytes, what), what)['manifests'], what).map(
    (item, i) => readEntry(item, `${what}: manifests[${i}]`),
  )
  const entries = new Map<string, Entry>()
  const strange: StrangeEntry[] = []
  for (const one of found) {
    if (!('entry' in one)) {
      strange.push(one)
      continue
    }
    const { entry, name } = one
    const key = `${entry.id} ${entry.manifest.digest}`
    const known = entries.get(key) ?? entry
    const names = name === null ? known.names : [...known.names, name].toSorted()
    entries.set(key, { ...known, names })
  }
  return { entries: [...entries.values()], strange }
}

/** The file's text: an entry a name, one without a name for what has none. */
export function formatIndexFile({ entries, strange }: IndexContents): string {
  const manifests = [
    ...entries.flatMap(entry =>
      entry.names.length === 0
        ? [writeEntry(entry, null)]
        : entry.names.map(name => writeEntry(entry, name)),
    ),
    ...strange.map(({ manifest }) => manifest),
  ]
  const index = { schemaVersion: 2, mediaType: MEDIA.ociIndex, manifests }
  return `${JSON.stringify(index, null, 1)}\n`
}

function readEntry(
  value: unknown,
  what: string,
): { entry: Entry; name: string | null } | StrangeEntry {
  const descriptor = parseDescriptor(value, what)
  const { annotations = {}, ...manifest } = descriptor
  const name = annotations[REF_NAME] ?? null
  const record = annotations[RECORD]
  if (record === undefined) return { manifest: descriptor, name }
  const object = asObject(parseJson(record, `${what}: ${RECORD}`), `${what}: ${RECORD}`)
  const source = object['source']
  const entry: Entry = {
    id: parseDigest(asString(object['id'], `${what}: id`)),
    names: [],
    digests: asStrings(object['digests'], `${what}: digests`),
    manifest,
    source: isObject(source) ? parseDescriptor(source, `${what}: source`) : manifest,
    indexes: asList(object['indexes'], `${what}: indexes`).map(item =>
      parseDescriptor(item, `${what}: indexes`),
    ),
    added: asString(object['added'], `${what}: added`),
    size: asCount(object['size'], `${what}: size`),
  }
  return { entry, name }
}

function writeEntry(entry: Entry, name: string | null): Descriptor {
  const { id, digests, manifest, source, indexes, added, size } = entry
  const record = {
    id,
    ...(digests.length === 0 ? {} : { digests }),
    ...(source.digest === manifest.digest ? {} : { source }),
    ...(indexes.length === 0 ? {} : { indexes }),
    added,
    size,
  }
  return {
    ...manifest,
    annotations: {
      ...(name === null ? {} : { [REF_NAME]: name }),
      [RECORD]: JSON.stringify(record),
    },
  }
}
