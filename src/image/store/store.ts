// The store: one folder that is an OCI layout for its blobs, with unpacked layers and records beside
// them. Opens and makes it; what is done with it is in the files it puts together.
import * as fs from 'node:fs'
import { absolutePath } from '../../bytes/absolute-path.js'
import type { FormatName } from '../../layer/format.js'
import { CAP_SYS_ADMIN } from '../../sys/constants.js'
import { hasCapability } from '../../sys/proc-status.js'
import { type ImageConfig, parseConfig } from '../model/config.js'
import { ImageError } from '../model/errors.js'
import { asObject, parseJson } from '../model/json-shape.js'
import { type Manifest, parseManifest } from '../model/manifest.js'
import type { NameRules } from '../model/name-rules.js'
import { fullName, type Reference, withDigest } from '../model/reference.js'
import type { Digest } from '../model/digest.js'
import type { Progress } from '../progress.js'
import { addImage, linksOf } from './add-image.js'
import { Blobs } from './blobs.js'
import { addDigest, addName } from './entry-changes.js'
import type { ImageRecord, NewImage } from './image-record.js'
import { Images } from './images.js'
import { formatIndexFile } from './index-file.js'
import { Layers, readFormat } from './layers.js'
import { isMissing, readIfThere, replaceFile } from './replace-file.js'
import { takeLock } from './store-lock.js'
import { defaultRoot } from './store-root.js'
import { nodePath, StorePlace } from './store-place.js'
import type { TreeFile } from './tree-file.js'
import { Trees } from './trees.js'
import { type HeldUse, type ImageUse, Uses } from './uses.js'
import { WritableLayers } from './writable.js'

export interface StoreOptions {
  /** A latin1 string of bytes; the default of the user who asks. */
  readonly root?: string
  /** Make it when it is not there; else that is an error. */
  readonly create?: boolean
  /** What written names may mean; Docker's rules unless told. */
  readonly names?: NameRules
}

const VERSION = 1

export class Store {
  readonly place: StorePlace
  readonly format: FormatName
  readonly blobs: Blobs
  readonly layers: Layers
  readonly images: Images
  readonly trees: Trees
  readonly uses: Uses
  readonly writable: WritableLayers

  private constructor(place: StorePlace, format: FormatName, names?: NameRules) {
    this.place = place
    this.format = format
    this.blobs = new Blobs(place)
    this.layers = new Layers(place, this.blobs, format)
    this.images = new Images(place, this.blobs, names)
    this.trees = new Trees(place)
    this.uses = new Uses(place)
    this.writable = new WritableLayers(place, format)
  }

  /** @throws ImageError `not-found` or `store`, or Node's error. */
  static async open(options: StoreOptions = {}): Promise<Store> {
    const place = new StorePlace(rootOf(options))
    let record = readIfThere(place.record)
    if (record === null) {
      if (options.create !== true)
        throw new ImageError('not-found', `there is no store at ${place.root}`)
      await makeStore(place)
      record = fs.readFileSync(nodePath(place.record))
    }
    return new Store(place, readStoreRecord(record, place), options.names)
  }

  /** The image that a text means; see `Images.resolve`. */
  resolve(text: string): ImageRecord {
    return this.images.resolve(text)
  }

  /**
   * Runs work that brings blobs or layers which no image names yet. `gc` waits until it is over,
   * and it waits for `gc`.
   * @param onWait called once when it has to wait.
   */
  async whileAdding<T>(work: () => Promise<T>, onWait?: () => void): Promise<T> {
    const lock = await takeLock(this.place.contentLock, 'shared', onWait)
    try {
      return await work()
    } finally {
      lock.release()
    }
  }

  /**
   * Adds an image whose layers' blobs are there: writes config and manifests, unpacks what is not
   * unpacked yet, and gives it its names in one step; images that had them stay, untagged. Call it
   * inside `whileAdding`, together with the writing of the blobs.
   * @throws ImageError.
   */
  addImage(
    image: NewImage,
    names: readonly Reference[],
    progress: Progress,
    onUnpacked?: (diffIds: readonly Digest[]) => void,
  ): Promise<ImageRecord> {
    return addImage(this, image, names, progress, onUnpacked)
  }

  /** The manifest of an image's first variant, as it came. @throws ImageError. */
  manifestOf(record: ImageRecord): Manifest {
    const { source } = record.variants[0]
    const parsed = parseManifest(
      this.blobs.read(source.digest),
      source.mediaType,
      `manifest ${source.digest}`,
    )
    if (parsed.kind === 'manifest') return parsed
    throw new ImageError('store', `${source.digest} is an index, not a manifest`)
  }

  /** @throws ImageError. */
  configOf(record: ImageRecord): ImageConfig {
    return parseConfig(this.blobs.read(record.id), `config ${record.id}`)
  }

  /**
   * The folders of an image's layers, topmost first; what is not unpacked (an image that another
   * program has put into the layout) is unpacked first.
   */
  async unpacked(record: ImageRecord, progress: Progress): Promise<string[]> {
    const { diffIds } = this.configOf(record)
    const links = linksOf(diffIds, this.manifestOf(record).layers)
    await this.whileAdding(() => this.layers.ensure(links, progress))
    return this.layers.paths(diffIds)
  }

  /** The merged tree of an image whose layers are unpacked; null where it can have none. */
  treeOf(record: ImageRecord): TreeFile | null {
    return this.treeOfLayers(this.configOf(record).diffIds)
  }

  /** The same of its layers, base first. */
  treeOfLayers(diffIds: readonly Digest[]): TreeFile | null {
    return this.trees.file(this.layers.chainOf({ diffIds }))
  }

  /** Gives an image one more name; the image that had it stays, untagged. */
  async tag(record: ImageRecord, reference: Reference): Promise<void> {
    if (reference.digest !== undefined || reference.tag === undefined)
      throw new ImageError(
        'invalid',
        `${fullName(reference)}: a new name has a tag and no digest`,
      )
    const manifest = record.variants[0].manifest.digest
    await this.images.change(entries => {
      this.mustStand(entries, record)
      const name = fullName(reference)
      return { entries: addName(entries, record.id, manifest, name), result: null }
    })
  }

  /** Notes that a repository knows the image's first variant by its source manifest's digest. */
  async noteDigest(record: ImageRecord, repository: Reference): Promise<void> {
    const { manifest, source } = record.variants[0]
    const digest = fullName(withDigest(repository, source.digest))
    await this.images.change(entries => ({
      entries: addDigest(entries, record.id, manifest.digest, digest),
      result: null,
    }))
  }

  /**
   * Notes that an image is used until the process ends, or `end` is called.
   * @param more the writable layer that is used with it; what the kernel has mounted.
   * @throws ImageError `not-found` when it was removed meanwhile.
   */
  async use(
    record: ImageRecord,
    kind: ImageUse['kind'],
    name: string,
    more: Pick<ImageUse, 'writable' | 'mounted'> = {},
  ): Promise<HeldUse> {
    return this.images.change(entries => {
      this.mustStand(entries, record)
      const use = { ...this.useOf(record, kind, name), ...more }
      return { entries, result: this.uses.hold(use) }
    })
  }

  /** Notes a use that lasts, under a key of the user's, until `uses.forget(key)`. */
  async keepUse(record: ImageRecord, key: string, name: string): Promise<void> {
    await this.images.change(entries => {
      this.mustStand(entries, record)
      const use = this.useOf(record, 'container', name)
      return { entries, result: this.uses.keep(key, use) }
    })
  }

  private useOf(record: ImageRecord, kind: ImageUse['kind'], name: string): ImageUse {
    return {
      image: record.id,
      kind,
      name,
      layers: this.layers.chainOf(this.configOf(record)),
    }
  }

  private mustStand(entries: readonly { id: string }[], record: ImageRecord): void {
    if (entries.some(({ id }) => id === record.id)) return
    throw new ImageError('not-found', `image ${record.id} was removed meanwhile`)
  }
}

function rootOf({ root }: StoreOptions): string {
  return absolutePath(root ?? defaultRoot()).replace(/\/+$/, '')
}

function readStoreRecord(bytes: Uint8Array, place: StorePlace): FormatName {
  const record = asObject(parseJson(bytes, place.record), place.record)
  if (record['version'] !== VERSION)
    throw new ImageError(
      'store',
      `${place.root} is a store of version ${String(record['version'])}, this program knows ${VERSION}`,
    )
  return readFormat(record['format'], place.record)
}

/** store.json is written last: a store that has it is whole. */
async function makeStore(place: StorePlace): Promise<void> {
  for (const folder of [
    place.root,
    place.blobs,
    place.layers,
    place.incoming,
    place.uses,
  ])
    fs.mkdirSync(nodePath(folder), { recursive: true, mode: 0o755 })
  // Layers hold set-id programs of any age: other users get no way to them.
  const privileged = hasCapability(process.pid, CAP_SYS_ADMIN)
  const lock = await takeLock(place.recordsLock, 'exclusive')
  try {
    if (readIfThere(place.record) !== null) return
    closeToOthers(place.layers)
    closeToOthers(place.incoming)
    replaceFile(place.layout, '{"imageLayoutVersion":"1.0.0"}\n')
    if (readIfThere(place.index) === null)
      replaceFile(place.index, formatIndexFile({ entries: [], strange: [] }))
    const format: FormatName = privileged ? 'kernel-trusted' : 'kernel-user'
    replaceFile(place.record, `${JSON.stringify({ version: VERSION, format })}\n`)
  } finally {
    lock.release()
  }
}

function closeToOthers(folder: string): void {
  try {
    fs.chmodSync(nodePath(folder), 0o700)
  } catch (error) {
    if (!isMissing(error)) throw error
  }
}
