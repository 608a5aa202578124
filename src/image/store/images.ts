// The store's images: names to images, and what is found by a name, a digest or an ID. Every change
// is one replacement of index.json under the records lock.
import { type Digest, hexOf, shortDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { type NameRules, dockerNames } from '../model/name-rules.js'
import {
  familiarName,
  fullName,
  hexPrefixOf,
  idOf,
  parseReference,
  type Reference,
  repositoryName,
} from '../model/reference.js'
import { adopt } from './adopt.js'
import type { Blobs } from './blobs.js'
import type { ImageRecord, ImageVariant } from './image-record.js'
import {
  type Entry,
  formatIndexFile,
  type IndexContents,
  parseIndexFile,
} from './index-file.js'
import { readIfThere, replaceFile } from './replace-file.js'
import { takeLock } from './store-lock.js'
import type { StorePlace } from './store-place.js'

export class Images {
  private readonly place: StorePlace
  private readonly blobs: Blobs
  private readonly rules: NameRules

  constructor(place: StorePlace, blobs: Blobs, rules: NameRules = dockerNames) {
    this.place = place
    this.blobs = blobs
    this.rules = rules
  }

  /** All images, the newest first. @throws ImageError `malformed`. */
  list(): ImageRecord[] {
    return recordsOf(this.read().entries)
  }

  /** The image of an ID; null when there is none. */
  byId(id: Digest): ImageRecord | null {
    return this.list().find(record => record.id === id) ?? null
  }

  /**
   * The image that a text means, as Docker looks: a full ID, else a name (with the host and tag that
   * it lacks filled in), NAME@DIGEST, else a prefix of exactly one ID. The variant that the name
   * leads to stands first.
   * @throws ImageError `not-found`, `ambiguous`, or `invalid`.
   */
  resolve(text: string): ImageRecord {
    const found = this.find(text)
    if (found !== null) return found
    throw new ImageError('not-found', `no such image: ${text}`)
  }

  /** As `resolve`; null when there is none. */
  find(text: string): ImageRecord | null {
    const entries = this.read().entries
    const id = idOf(text)
    const records = recordsOf(entries)
    if (id !== null) return records.find(record => record.id === id) ?? null
    const named = this.findNamed(text, records)
    return named ?? findByPrefix(text, records)
  }

  /** What a written name may mean, the likeliest first. @throws ImageError `invalid`. */
  candidates(text: string): readonly Reference[] {
    return this.rules.candidates(text)
  }

  /** What a text refers to here: the name that is known, else the first that it could be. */
  referenceOf(text: string): Reference {
    const candidates = this.rules.candidates(text)
    const names = new Set(this.list().flatMap(record => record.names))
    const known = candidates.find(one => names.has(fullName(one)))
    return known ?? candidates[0] ?? parseReference(text)
  }

  /**
   * Replaces the records by what `change` makes of them. Names that are in several entries of its
   * answer are a fault of the caller's. A result that is to come is waited for.
   */
  async change<T>(
    change: (entries: readonly Entry[]) => ChangedEntries<T>,
  ): Promise<Awaited<T>> {
    const lock = await takeLock(this.place.recordsLock, 'exclusive')
    try {
      const contents = this.read()
      const { entries, result } = change(contents.entries)
      const text = formatIndexFile({ entries, strange: contents.strange })
      // Also when nothing was changed by the caller: images of other tools are noted.
      if (text !== readIfThere(this.place.index)?.toString('utf8'))
        replaceFile(this.place.index, text)
      return await result
    } finally {
      lock.release()
    }
  }

  /** The records as they are on the disk, images that other tools have added among them. */
  read(): IndexContents {
    const bytes = readIfThere(this.place.index)
    if (bytes === null)
      throw new ImageError(
        'store',
        `${this.place.index} is missing: 'plyfs fsck --repair'`,
      )
    return adopt(parseIndexFile(bytes), this.blobs)
  }

  private findNamed(text: string, records: readonly ImageRecord[]): ImageRecord | null {
    let candidates: readonly Reference[]
    try {
      candidates = this.rules.candidates(text)
    } catch (error) {
      // `sha256:abc` is a prefix and no name.
      if (error instanceof ImageError && hexPrefixOf(text) !== null) return null
      throw error
    }
    for (const reference of candidates) {
      for (const record of records) {
        const variant = record.variants.find(one => isMeant(one, reference))
        if (variant !== undefined) return withFirst(record, variant)
      }
    }
    return null
  }
}

export interface ChangedEntries<T> {
  readonly entries: readonly Entry[]
  readonly result: T
}

/** Whether a name or a digest reference leads to a variant. */
export function isMeant(variant: ImageVariant, reference: Reference): boolean {
  const { digest } = reference
  if (digest === undefined) return variant.names.includes(fullName(reference))
  const repository = repositoryName(reference)
  if (variant.digests.includes(`${repository}@${digest}`)) return true
  const known = [variant.source, variant.manifest, ...variant.indexes]
  return (
    known.some(one => one.digest === digest) &&
    variant.names.some(name => repositoryName(parseReference(name)) === repository)
  )
}

function findByPrefix(text: string, records: readonly ImageRecord[]): ImageRecord | null {
  const prefix = hexPrefixOf(text)
  if (prefix === null) return null
  const found = records.filter(record => hexOf(record.id).startsWith(prefix))
  const [first, second] = found
  if (second === undefined) return first ?? null
  const which = found
    .map(
      ({ id, names }) =>
        `${shortDigest(id)} (${names.map(shown).join(', ') || '<none>'})`,
    )
    .join(', ')
  throw new ImageError(
    'ambiguous',
    `'${text}' begins the IDs of several images: ${which}`,
  )
}

function shown(name: string): string {
  return familiarName(parseReference(name))
}

/** Entries grouped by image; the order of the entries is kept. */
export function recordsOf(entries: readonly Entry[]): ImageRecord[] {
  const groups = new Map<Digest, [Entry, ...Entry[]]>()
  for (const entry of entries) {
    const group = groups.get(entry.id)
    if (group === undefined) groups.set(entry.id, [entry])
    else group.push(entry)
  }
  return [...groups.values()].map(group => ({
    id: group[0].id,
    variants: group,
    names: group.flatMap(({ names }) => names).toSorted(),
    digests: [...new Set(group.flatMap(({ digests }) => digests))].toSorted(),
    added: group[0].added,
    size: group[0].size,
  }))
}

function withFirst(record: ImageRecord, first: ImageVariant): ImageRecord {
  const others = record.variants.filter(one => one !== first)
  return { ...record, variants: [first, ...others] }
}
