// `rmi`: takes names away, and with the last name the image. What uses an image keeps it.
import { sweepNow, type Swept } from './gc.js'
import type { Digest } from './model/digest.js'
import { shortDigest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import {
  familiarName,
  fullName,
  parseReference,
  repositoryName,
} from './model/reference.js'
import {
  removeDigest,
  removeImage as dropImage,
  removeName,
} from './store/entry-changes.js'
import type { ImageRecord } from './store/image-record.js'
import type { Entry } from './store/index-file.js'
import { recordsOf } from './store/images.js'
import type { Store } from './store/store.js'
import type { ImageUse } from './store/uses.js'

export interface Removed {
  /** Names and digest references that are gone, in full. */
  readonly untagged: readonly string[]
  /** The image, when it is gone. */
  readonly deleted: Digest | null
}

/**
 * Removes one image, or one of its names.
 * - a name or a digest reference: only that, while others exist; else the image.
 * - an ID: the image with its names; refused when those are of several repositories, unless forced.
 * @throws ImageError `not-found`, `ambiguous`, `in-use` (forced or not), `conflict`.
 */
export async function removeImage(
  store: Store,
  text: string,
  options: { readonly force?: boolean } = {},
): Promise<Removed> {
  return store.images.change<Removed>(entries => {
    const record = store.resolve(text)
    const named = meantName(store, text, record)
    const rest = named === null ? null : withoutOne(entries, named)
    const left =
      rest === null ? undefined : recordsOf(rest).find(one => one.id === record.id)
    if (rest !== null && left !== undefined && hasReferences(left))
      return { entries: rest, result: { untagged: lost(record, left), deleted: null } }
    if (named === null && options.force !== true) refuseSeveral(text, record)
    refuseUsed(store, text, record)
    return {
      entries: dropImage(entries, record.id),
      result: { untagged: [...record.names, ...record.digests], deleted: record.id },
    }
  })
}

/** Removes several images' contents from the disk where nothing else leads to them. */
export function sweepRemoved(store: Store): Promise<Swept | null> {
  return sweepNow(store)
}

/** The reference that a text is, in full; null when it is an ID or a prefix of one. */
function meantName(store: Store, text: string, record: ImageRecord): string | null {
  const [first] = record.variants
  let candidates
  try {
    candidates = store.images.candidates(text)
  } catch (error) {
    if (error instanceof ImageError) return null
    throw error
  }
  for (const reference of candidates) {
    const name = fullName(reference)
    if (first.names.includes(name)) return name
    if (reference.digest === undefined) continue
    const digest = `${repositoryName(reference)}@${reference.digest}`
    if (first.digests.includes(digest)) return digest
  }
  return null
}

function withoutOne(entries: readonly Entry[], reference: string): Entry[] {
  return reference.includes('@')
    ? removeDigest(entries, reference)
    : removeName(entries, reference)
}

/** Names keep an image; a digest alone does too, as long as it was not the last thing removed. */
function hasReferences({ names, digests }: ImageRecord): boolean {
  return names.length > 0 || digests.length > 0
}

function lost(before: ImageRecord, after: ImageRecord): string[] {
  return [
    ...before.names.filter(name => !after.names.includes(name)),
    ...before.digests.filter(digest => !after.digests.includes(digest)),
  ]
}

function refuseSeveral(text: string, { names }: ImageRecord): void {
  const repositories = new Set(names.map(name => repositoryName(parseReference(name))))
  if (repositories.size < 2) return
  const shown = names.map(name => familiarName(parseReference(name))).join(', ')
  throw new ImageError(
    'conflict',
    `${text} has names of several repositories (${shown}): remove them by name, or use -f`,
  )
}

/** @throws ImageError `in-use` with the users' names. */
export function refuseUsed(store: Store, text: string, record: ImageRecord): void {
  const users = usersOf(store, record.id)
  if (users.length === 0) return
  const shown = users.map(({ kind, name }) => `${kind} ${name}`).join(', ')
  throw new ImageError(
    'in-use',
    `${text} (${shortDigest(record.id)}) is in use by ${shown}`,
  )
}

export function usersOf(store: Store, id: Digest): ImageUse[] {
  return store.uses.list().filter(use => use.image === id)
}
