// Unpacked layers by chain id, shared between images: layers/HEX/diff is what an overlay has as a
// lower layer, layers/HEX/layer.json says what it is. A layer is made in incoming/ and published,
// whole and verified, by one rename; it is never changed after. Nothing waits for the disk: when the
// machine stops before the data is there, the layer is made again from its blob (see `record`).
import * as fs from 'node:fs'
import type { FormatName } from '../../layer/format.js'
import { chainIds } from '../model/chain.js'
import { type Digest, isDigest, parseDigest, shortDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import {
  asCount,
  asObject,
  asString,
  optionalString,
  parseJson,
} from '../model/json-shape.js'
import type { Progress } from '../progress.js'
import { ContentDigests } from '../inventory/content-digests.js'
import { recordInventory } from '../inventory/record-inventory.js'
import { ArrivingLayer } from './arriving-layer.js'
import type { Blobs } from './blobs.js'
import type { ArrivingBlob } from './image-record.js'
import { compareTrees } from './compare-trees.js'
import { hasCode, readIfThere, replaceFile } from './replace-file.js'
import { removeTree } from './remove-tree.js'
import { takePassingLock } from './store-lock.js'
import { nodePath, type StorePlace } from './store-place.js'
import { LateThread } from './store-thread-client.js'

/** One layer of an image: what its tar has to be, and the blob that brings it. */
export interface ChainLink {
  readonly diffId: Digest
  readonly blob: Digest
  /** Bytes of the blob. */
  readonly size: number
  /** While the blob is on its way: where to read it. */
  readonly arriving?: ArrivingBlob
}

export interface LayerRecord {
  readonly chainId: Digest
  readonly diffId: Digest
  /** Chain id of the layer below; null for a base. */
  readonly parent: Digest | null
  /** The blob it was unpacked from. */
  readonly blob: Digest
  readonly format: FormatName
  readonly entries: number
  /** Bytes of file contents. */
  readonly bytes: number
  /** Bytes of the uncompressed tar. */
  readonly tarSize: number
}

/** One layer to unpack, over those below it (chain ids, base first). */
export interface UnpackTask {
  readonly chainId: Digest
  readonly link: ChainLink
  readonly below: readonly Digest[]
}

/** Layers that the thread has been given beside the one that is waited for. */
const AHEAD = 1

export class Layers {
  private readonly place: StorePlace
  private readonly blobs: Blobs
  private readonly format: FormatName
  private spare: LateThread | null = null
  /** One that others end. */
  private lent: LateThread | null = null

  constructor(place: StorePlace, blobs: Blobs, format: FormatName) {
    this.place = place
    this.blobs = blobs
    this.format = format
  }

  has(chainId: Digest): boolean {
    return this.record(chainId) !== null
  }

  /** Its record; null when the layer is absent, or its record is not readable. */
  record(chainId: Digest): LayerRecord | null {
    const bytes = readIfThere(this.place.layerRecord(chainId))
    try {
      return bytes === null ? null : readRecord(bytes, chainId)
    } catch (error) {
      if (error instanceof ImageError) return null
      throw error
    }
  }

  /** The folder that an overlay has as a lower layer: a latin1 string of bytes. */
  path(chainId: Digest): string {
    return this.place.layerTree(chainId)
  }

  /** The chain ids of an image's layers, base first. */
  chainOf({ diffIds }: { readonly diffIds: readonly Digest[] }): Digest[] {
    return chainIds(diffIds)
  }

  /**
   * The folders of a chain, topmost first, as an overlay takes them.
   * @throws ImageError `not-found` when one is not unpacked.
   */
  paths(diffIds: readonly Digest[]): string[] {
    return chainIds(diffIds)
      .map(chainId => {
        if (!this.has(chainId))
          throw new ImageError('not-found', `layer ${chainId} is not unpacked`)
        return this.path(chainId)
      })
      .toReversed()
  }

  /**
   * Unpacks what is missing of a chain, base first, and returns the records of all of it. What
   * another process is unpacking is waited for.
   * @throws ImageError that names the layer, and the entry where one is at fault; what was unpacked
   * before it stays.
   */
  async ensure(chain: readonly ChainLink[], progress: Progress): Promise<LayerRecord[]> {
    const ids = chainIds(chain.map(link => link.diffId))
    const records = new Map<Digest, LayerRecord>()
    const thread = this.lent ?? this.spare ?? new LateThread()
    this.spare = null
    let isWhole = false
    // The thread unpacks one layer while the one before is published and the next prepared.
    const begun: ArrivingLayer[] = []
    try {
      for (const [i, link] of chain.entries()) {
        const chainId = ids[i]
        if (chainId === undefined) break
        const task: UnpackTask = { chainId, link, below: ids.slice(0, i) }
        const whole = this.whole(chainId)
        if (whole === null && thread.handsOver(link.size))
          while (begun.length > 0) await finishFirst(begun, records)
        const found = whole ?? (await this.begin(task, thread, progress))
        if (found instanceof ArrivingLayer) begun.push(found)
        else records.set(chainId, found)
        if (begun.length > AHEAD) await finishFirst(begun, records)
      }
      while (begun.length > 0) await finishFirst(begun, records)
      isWhole = true
    } finally {
      // What it is still unpacking after a failure is not wanted.
      if (thread !== this.lent || !isWhole) await thread.end()
      for (const layer of begun) layer.abandon()
    }
    return ids.flatMap(id => records.get(id) ?? [])
  }

  /**
   * Starts the thread that unpacks, for work that is sure to come. `settle` ends it if none came.
   * @param lent one that may have been started before the store was there, and that is used and not
   * ended until `settle`.
   */
  prepare(lent?: LateThread): void {
    const thread = lent ?? (this.spare ??= new LateThread())
    this.lent = lent ?? null
    thread.start()
  }

  async settle(): Promise<void> {
    const { spare } = this
    this.spare = this.lent = null
    await spare?.end()
  }

  /** Its record, where another process has unpacked it meanwhile; else it is on its way. */
  private async begin(
    task: UnpackTask,
    thread: LateThread,
    progress: Progress,
  ): Promise<LayerRecord | ArrivingLayer> {
    const { chainId, link } = task
    const folder = this.place.partialLayer(chainId)
    const lock = await takePassingLock(`${folder}.lock`)
    try {
      const known = this.record(chainId)
      if (known !== null) {
        if (this.whole(chainId) === null) await this.inventorize(task, thread, progress)
        lock.release()
        return known
      }
      const shown = progress.task(`unpack ${shortDigest(link.diffId)}`, link.size)
      const published = this.place.layer(chainId)
      const unpacked = this.unpackInto(folder, task, thread, shown.advance, published)
      return new ArrivingLayer(
        { chainId, folder, published, lock, shown },
        unpacked,
        link,
      )
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** Its record, if it has an inventory too; older versions made none. */
  private whole(chainId: Digest): LayerRecord | null {
    const record = this.record(chainId)
    if (record === null) return null
    return fs.existsSync(nodePath(this.place.layerInventory(chainId))) ? record : null
  }

  /** Gives a layer an inventory, after it has been found to be what its blob has. */
  private async inventorize(
    task: UnpackTask,
    thread: LateThread,
    progress: Progress,
  ): Promise<void> {
    const { chainId, link } = task
    const folder = this.place.partialLayer(chainId)
    const shown = progress.task(`compare ${shortDigest(link.diffId)}`, link.size)
    try {
      await this.unpackInto(folder, task, thread, count => shown.advance(count))
      const [first] = compareTrees(`${folder}/diff`, this.path(chainId))
      if (first !== undefined)
        throw new ImageError(
          'mismatch',
          `layer ${link.blob} is not as its blob has it: ${first.path}: ${first.what}; run 'plyfs fsck --repair'`,
          { layer: link.blob, entry: first.path },
        )
      this.recordAnew(chainId)
      shown.done('compared')
    } catch (error) {
      shown.done('failed')
      throw error
    } finally {
      removeTree(folder)
    }
  }

  /** Records a layer's entries as they lie there now. Only for one that is known to be right. */
  recordAnew(chainId: Digest): void {
    const bytes = recordInventory(this.path(chainId), new ContentDigests())
    replaceFile(this.place.layerInventory(chainId), bytes)
  }

  /**
   * Unpacks one layer, verified, into `folder/diff` and writes `folder/layer.json`. What a process
   * that died has left there is removed; on an error the rest is the caller's to remove.
   * @param published the folder that it will be moved to; without it, it is for a look alone.
   */
  async unpackInto(
    folder: string,
    { chainId, link, below }: UnpackTask,
    thread: LateThread,
    onBytes: (count: number) => void,
    published?: string,
  ): Promise<LayerRecord> {
    if (link.arriving === undefined && !this.blobs.has(link.blob, link.size))
      throw new ImageError('not-found', `the store has no blob ${link.blob}`, {
        layer: link.blob,
      })
    removeTree(folder)
    fs.mkdirSync(nodePath(folder), { mode: 0o755 })
    fs.mkdirSync(nodePath(`${folder}/diff`), { mode: 0o755 })
    const result = await thread.unpack(
      {
        kind: 'unpack',
        blob: link.arriving?.file ?? this.blobs.path(link.blob),
        offset: link.arriving?.offset ?? 0,
        size: link.size,
        blobDigest: link.blob,
        diffId: link.diffId,
        directory: `${folder}/diff`,
        inventory: `${folder}/inventory`,
        parents: below.toReversed().map(id => this.path(id)),
        published: published === undefined ? null : `${published}/diff`,
        format: this.format,
      },
      onBytes,
    )
    const record: LayerRecord = {
      chainId,
      diffId: link.diffId,
      parent: below.at(-1) ?? null,
      blob: link.blob,
      format: this.format,
      entries: result?.entries ?? 0,
      bytes: result?.bytes ?? 0,
      tarSize: result?.tarSize ?? 0,
    }
    const text = `${JSON.stringify(record, null, 1)}\n`
    fs.writeFileSync(nodePath(`${folder}/layer.json`), text)
    return record
  }

  /** Removes it: first its name, so that it is never half there. */
  remove(chainId: Digest): void {
    const doomed = `${this.place.partialLayer(chainId)}.removed`
    removeTree(doomed)
    try {
      fs.renameSync(nodePath(this.place.layer(chainId)), nodePath(doomed))
    } catch (error) {
      if (hasCode(error, 'ENOENT')) return
      throw error
    }
    removeTree(doomed)
  }

  /** All that are there. */
  list(): Digest[] {
    return fs
      .readdirSync(nodePath(this.place.layers), 'latin1')
      .map(name => `sha256:${name}`)
      .filter(isDigest)
  }
}

async function finishFirst(
  begun: ArrivingLayer[],
  records: Map<Digest, LayerRecord>,
): Promise<void> {
  const [first] = begun
  if (first === undefined) return
  records.set(first.chainId, await first.finish())
  begun.shift()
}

function readRecord(bytes: Uint8Array, chainId: Digest): LayerRecord {
  const what = `record of layer ${chainId}`
  const object = asObject(parseJson(bytes, what), what)
  const parent = optionalString(object['parent'], `${what}: parent`)
  return {
    chainId,
    diffId: parseDigest(asString(object['diffId'], `${what}: diffId`)),
    parent: parent === undefined ? null : parseDigest(parent),
    blob: parseDigest(asString(object['blob'], `${what}: blob`)),
    format: readFormat(object['format'], what),
    entries: asCount(object['entries'], `${what}: entries`),
    bytes: asCount(object['bytes'], `${what}: bytes`),
    tarSize: asCount(object['tarSize'], `${what}: tarSize`),
  }
}

/** @throws ImageError `store` for a format that this version does not know. */
export function readFormat(value: unknown, what: string): FormatName {
  if (value === 'kernel-trusted' || value === 'kernel-user') return value
  if (value === 'fuse-overlayfs' || value === 'aufs') return value
  throw new ImageError('store', `${what}: the format ${String(value)} is not known`)
}
