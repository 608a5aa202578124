// `save`: images of the store as an archive or a layout's folder.
import type { ByteSource } from '../bytes/byte-source.js'
import type { Compression } from '../compress/compression.js'
import { compress } from '../compress/compress.js'
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import {
  fullName,
  parseReference,
  repositoryName,
  splitReference,
} from './model/reference.js'
import type { Progress } from './progress.js'
import { dockerArchive } from './sinks/docker-archive.js'
import { ociArchive, ociFolder } from './sinks/oci-layout.js'
import type { SavedImage } from './sinks/saved-image.js'
import { linksOf } from './store/add-image.js'
import type { Store } from './store/store.js'

export type { Compression } from '../compress/compression.js'

export type SaveFormat = 'docker-archive' | 'oci-archive' | 'oci-dir'

/**
 * The archive's bytes. What is saved is there until it is read: `gc` waits.
 * @param images names, digest references, IDs; a repository without a tag means all its tags.
 * @throws ImageError.
 */
export async function* saveArchive(
  store: Store,
  images: readonly string[],
  format: Exclude<SaveFormat, 'oci-dir'>,
  compression: Compression,
  progress: Progress,
): ByteSource {
  const saved = savedImages(store, images)
  const task = progress.task('save')
  const write = format === 'docker-archive' ? dockerArchive : ociArchive
  yield* compress(
    compression,
    write(store, saved, count => task.advance(count)),
  )
  task.done('saved')
}

/** As `saveArchive`, into an empty or a new folder (a latin1 string of bytes). */
export async function saveFolder(
  store: Store,
  images: readonly string[],
  folder: string,
  progress: Progress,
): Promise<void> {
  const task = progress.task('save')
  await ociFolder(store, savedImages(store, images), folder, count => task.advance(count))
  task.done('saved')
}

/** How a file is compressed, by the ending of its name. */
export function compressionOfName(name: string): Compression {
  if (/\.(gz|tgz)$/i.test(name)) return 'gzip'
  return /\.(zst|zstd|tzst)$/i.test(name) ? 'zstd' : 'none'
}

/** Each image once, with every name that was asked for. @throws ImageError. */
export function savedImages(store: Store, images: readonly string[]): SavedImage[] {
  const found = new Map<Digest, SavedImage>()
  for (const text of images) {
    for (const { text: one, name } of meant(store, text)) {
      const record = store.resolve(one)
      const known = found.get(record.id)
      const names = [...(known?.names ?? []), ...(name === null ? [] : [name])]
      if (known === undefined) found.set(record.id, open(store, record, names))
      else found.set(record.id, { ...known, names: [...new Set(names)] })
    }
  }
  return [...found.values()]
}

function open(
  store: Store,
  record: SavedImage['record'],
  names: readonly string[],
): SavedImage {
  const config = store.configOf(record)
  const manifest = store.manifestOf(record)
  return {
    record,
    names,
    config,
    manifest,
    links: linksOf(config.diffIds, manifest.layers),
  }
}

/** The images of one word, and the name under which each is saved. */
function meant(store: Store, text: string): { text: string; name: string | null }[] {
  const all = allTags(store, text)
  if (all.length > 0) return all.map(name => ({ text: name, name }))
  const record = store.resolve(text)
  const name = nameOf(store, text, record.names)
  return [{ text, name }]
}

/** As `docker save` has it: a repository without a tag means all its tags. */
function allTags(store: Store, text: string): string[] {
  try {
    const { tag, digest } = splitReference(text)
    if (tag !== undefined || digest !== undefined) return []
    const repository = repositoryName(store.images.referenceOf(text))
    return store.images
      .list()
      .flatMap(({ names }) => names)
      .filter(name => repositoryName(parseReference(name)) === repository)
  } catch (error) {
    // An ID is no name.
    if (error instanceof ImageError) return []
    throw error
  }
}

function nameOf(store: Store, text: string, names: readonly string[]): string | null {
  try {
    const candidates = store.images.candidates(text).map(fullName)
    return candidates.find(name => names.includes(name)) ?? null
  } catch (error) {
    if (error instanceof ImageError) return null
    throw error
  }
}
