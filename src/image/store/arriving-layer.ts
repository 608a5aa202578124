// A layer that is being unpacked in incoming/, under its lock. It is published, whole and verified, by
// one rename, or nothing of it stays.
import * as fs from 'node:fs'
import type { Digest } from '../model/digest.js'
import type { ProgressTask } from '../progress.js'
import type { ChainLink, LayerRecord } from './layers.js'
import { removeTree } from './remove-tree.js'
import { hasCode } from './replace-file.js'
import type { StoreLock } from './store-lock.js'
import { nodePath } from './store-place.js'

/** Where it is made and goes (latin1 strings of bytes), and what it holds. */
export interface LayerPlace {
  readonly chainId: Digest
  readonly folder: string
  readonly published: string
  readonly lock: StoreLock
  readonly shown: ProgressTask
}

export class ArrivingLayer {
  private readonly place: LayerPlace
  private readonly unpacked: Promise<LayerRecord>
  private readonly link: ChainLink

  /** @param unpacked when it is in its folder, with its record. */
  constructor(place: LayerPlace, unpacked: Promise<LayerRecord>, link: ChainLink) {
    this.place = place
    this.unpacked = unpacked
    this.link = link
    // A failure is thrown by `finish`.
    unpacked.catch(() => undefined)
  }

  get chainId(): Digest {
    return this.place.chainId
  }

  /**
   * Publishes it when it is unpacked and its blob in the store.
   * @throws ImageError, Node's error; then it is to be abandoned.
   */
  async finish(): Promise<LayerRecord> {
    const record = await this.unpacked
    await this.link.arriving?.arrived
    this.publish()
    this.place.shown.done('unpacked')
    this.place.lock.release()
    return record
  }

  /** Removes it. Nobody may be writing there any more. */
  abandon(): void {
    removeTree(this.place.folder)
    this.place.shown.done('failed')
    this.place.lock.release()
  }

  private publish(): void {
    const { folder, published } = this.place
    try {
      fs.renameSync(nodePath(folder), nodePath(published))
    } catch (error) {
      if (!hasCode(error, 'ENOTEMPTY', 'EEXIST')) throw error
      // Without a record it is no layer: what a repair was interrupted at.
      removeTree(published)
      fs.renameSync(nodePath(folder), nodePath(published))
    }
  }
}
