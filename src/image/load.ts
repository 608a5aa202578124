// `load`: images of an archive or of a layout's folder into the store, by content and never by a
// file's name.
import * as fs from 'node:fs'
import type { ByteSource } from '../bytes/byte-source.js'
import { CompressionError } from '../compress/compression-error.js'
import { decompress } from '../compress/decompress.js'
import { TarError } from '../tar/tar-error.js'
import type { Digest } from './model/digest.js'
import { ImageError } from './model/errors.js'
import { hostPlatform, type Platform } from './model/platform.js'
import { fullName } from './model/reference.js'
import type { Progress } from './progress.js'
import { ArchiveFile } from './sources/archive-file.js'
import { ArchiveMembers } from './sources/archive-members.js'
import type { ArchivedImage } from './sources/archived-image.js'
import { dockerArchiveImages, isDockerArchive } from './sources/docker-archive.js'
import { FolderFiles, memberFiles } from './sources/layout-files.js'
import { isLayout, layoutImages } from './sources/oci-layout.js'
import { fileSource } from './store/file-source.js'
import type { ImageRecord } from './store/image-record.js'
import type { LateThread } from './store/store-thread-client.js'
import { nodePath } from './store/store-place.js'
import type { Store } from './store/store.js'

export interface LoadOptions {
  /** Of an index's images the one for it; the machine's unless told. */
  readonly platform?: Platform
  readonly progress: Progress
  /** Called once when `gc` has to be waited for. */
  readonly onWait?: () => void
  /** One that unpacks, started already. */
  readonly thread?: LateThread
  readonly recorder?: LayersRecorder
}

/** Records what the layers of images show together, once they are unpacked. */
export interface LayersRecorder {
  /** Begins with an image's. Throws nothing. @param diffIds of its layers, base first. */
  begin(store: Store, diffIds: readonly Digest[]): void
  /** All that was begun is done. @throws what went wrong. */
  ended(): Promise<void>
}

export interface LoadedImage {
  readonly record: ImageRecord
  /** Full names that it was given. */
  readonly names: readonly string[]
  /** Names that another image had until now, with that image's ID. */
  readonly moved: readonly { readonly name: string; readonly from: string }[]
}

/**
 * Loads from a file or a folder.
 * @param path a latin1 string of bytes.
 * @throws ImageError, or Node's error when it cannot be read.
 */
export function loadPath(
  store: Store,
  path: string,
  options: LoadOptions,
): Promise<LoadedImage[]> {
  const stat = fs.statSync(nodePath(path))
  if (!stat.isDirectory()) {
    const file = ArchiveFile.open(path)
    if (file !== null) return loadMembers(store, options, scanned(file))
    const size = stat.isFile() ? stat.size : undefined
    return loadStream(store, fileSource(path), options, size)
  }
  return loadFolder(store, path, options)
}

function loadFolder(
  store: Store,
  path: string,
  options: LoadOptions,
): Promise<LoadedImage[]> {
  return store.whileAdding(async () => {
    const files = new FolderFiles(path, store.blobs, options.progress)
    if (!isLayout(files))
      throw new ImageError('malformed', `${path} is a folder, but no OCI layout`)
    store.layers.prepare(options.thread)
    try {
      return await addAll(store, layoutImages(files, wanted(options)), options)
    } finally {
      await files.abandon()
      await store.layers.settle()
    }
  }, options.onWait)
}

/**
 * Loads an archive: Docker's, or a tar of an OCI layout; plain, gzip or zstd.
 * @param size bytes, where they are known: for the progress.
 * @throws ImageError, or what the source throws.
 */
export function loadStream(
  store: Store,
  source: ByteSource,
  options: LoadOptions,
  size?: number,
): Promise<LoadedImage[]> {
  return loadMembers(store, options, members =>
    readArchive(members, source, options.progress, size),
  )
}

/** @param read finds what members there are. */
function loadMembers(
  store: Store,
  options: LoadOptions,
  read: (members: ArchiveMembers) => Promise<void>,
): Promise<LoadedImage[]> {
  return store.whileAdding(async () => {
    const members = new ArchiveMembers(store.blobs)
    store.layers.prepare(options.thread)
    try {
      await read(members)
      return await addAll(store, imagesOf(members, store, options), options)
    } finally {
      await members.discard()
      await store.layers.settle()
    }
  }, options.onWait)
}

function scanned(file: ArchiveFile): (members: ArchiveMembers) => Promise<void> {
  return async members => {
    try {
      await members.scan(file)
    } catch (error) {
      throw archiveError(error)
    }
  }
}

async function readArchive(
  members: ArchiveMembers,
  source: ByteSource,
  progress: Progress,
  size: number | undefined,
): Promise<void> {
  const task = progress.task('read archive', size)
  const counted = async function* (): ByteSource {
    for await (const piece of source) {
      task.advance(piece.length)
      yield piece
    }
  }
  try {
    await members.readAll((await decompress(counted())).stream)
    task.done('read')
  } catch (error) {
    task.done('failed')
    throw archiveError(error)
  }
}

/** What the decoders say is about the archive as a whole here, not about a layer. */
function archiveError(error: unknown): unknown {
  if (!(error instanceof TarError) && !(error instanceof CompressionError)) return error
  const entry = error instanceof TarError ? error.entry : undefined
  const where = entry === undefined ? '' : ` at ${entry}`
  return new ImageError(
    error.code === 'truncated' ? 'malformed' : error.code,
    `the archive is not readable${where}: ${error.message}`,
    entry === undefined ? {} : { entry },
    error,
  )
}

function imagesOf(
  members: ArchiveMembers,
  store: Store,
  options: LoadOptions,
): ArchivedImage[] {
  // Docker 25 and later writes both; the layout has the manifests.
  const files = memberFiles(members, store.blobs)
  if (isLayout(files)) return layoutImages(files, wanted(options))
  if (isDockerArchive(members)) return dockerArchiveImages(members)
  throw new ImageError(
    'malformed',
    members.isEmpty
      ? 'the archive is empty'
      : "this is no image archive: it has neither manifest.json nor index.json ('plyfs import' takes the tar of a root filesystem)",
  )
}

/** Adds them; what has been begun to be recorded is, when it ends. */
async function addAll(
  store: Store,
  images: readonly ArchivedImage[],
  options: LoadOptions,
): Promise<LoadedImage[]> {
  const { recorder } = options
  let loaded: LoadedImage[]
  try {
    loaded = await addEach(store, images, options)
  } catch (error) {
    // Why nothing was loaded is what is told; `gc` may run when this has ended.
    await recorder?.ended().catch(() => undefined)
    throw error
  }
  await recorder?.ended()
  return loaded
}

async function addEach(
  store: Store,
  images: readonly ArchivedImage[],
  options: LoadOptions,
): Promise<LoadedImage[]> {
  const loaded: LoadedImage[] = []
  for (const { image, names, bring } of images) {
    const arriving = bring()
    const before = store.images.list()
    const record = await store.addImage(
      { ...image, arriving },
      names,
      options.progress,
      diffIds => options.recorder?.begin(store, diffIds),
    )
    const full = names.map(fullName)
    loaded.push({
      record,
      names: full,
      moved: before
        .filter(other => other.id !== record.id)
        .flatMap(({ id, names: had }) =>
          had.filter(name => full.includes(name)).map(name => ({ name, from: id })),
        ),
    })
  }
  return loaded
}

function wanted({ platform }: LoadOptions): Platform {
  return platform ?? hostPlatform()
}
