// Writable layers of image mounts: writable/NAME/{upper,work} and writable.json, which says what
// image the layer lies on, since it means something on that one alone. A layer without a name goes
// with the process that mounts it; `sweep` removes those of processes that died.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import type { FormatName } from '../../layer/format.js'
import { type Digest, parseDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { asObject, asString, parseJson } from '../model/json-shape.js'
import { type DirectoryAt, likeDirectory } from './like-directory.js'
import { removeTree } from './remove-tree.js'
import { readIfThere, replaceFile } from './replace-file.js'
import { tryLock } from './store-lock.js'
import { nodePath, type StorePlace } from './store-place.js'

/** An upper and a work directory, as an overlay takes them. */
export interface WritableLayer {
  readonly upper: string
  readonly work: string
  /** The mount is over: a layer without a name goes. */
  end(): void
}

/** Names of layers without one begin so. */
const PASSING = '.passing-'
const LOCK = '.lock'
/** A layer whose removal was begun. */
const REMOVED = '.removed-'
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

export class WritableLayers {
  private readonly place: StorePlace

  private readonly format: FormatName

  constructor(place: StorePlace, format: FormatName) {
    this.place = place
    this.format = format
  }

  /**
   * The layer of a name, made when it is not there yet.
   * @param image what it is to lie on, `top` the root of that image's topmost layer.
   * @throws ImageError `invalid` for a bad name, `in-use` for a layer of another image.
   */
  named(name: string, image: Digest, top: DirectoryAt): WritableLayer {
    if (!NAME.test(name))
      throw new ImageError(
        'invalid',
        `'${name}' is no name for a writable layer: letters, digits, '_', '.' and '-'`,
      )
    const folder = `${this.place.writable}/${name}`
    const known = this.imageOf(name)
    if (known === null) this.make(folder, image, top)
    else if (known !== image)
      throw new ImageError(
        'in-use',
        `the writable layer ${name} belongs to image ${known}; choose another name`,
      )
    return { upper: `${folder}/upper`, work: `${folder}/work`, end: () => undefined }
  }

  /** A layer that is removed at its end. */
  passing(image: Digest, top: DirectoryAt): WritableLayer {
    const folder = `${this.place.writable}/${PASSING}${randomBytes(8).toString('hex')}`
    fs.mkdirSync(nodePath(this.place.writable), { recursive: true, mode: 0o700 })
    const lock = tryLock(`${folder}${LOCK}`, 'exclusive')
    if (lock === null) throw new ImageError('store', `${folder} is locked`)
    this.make(folder, image, top)
    return {
      upper: `${folder}/upper`,
      work: `${folder}/work`,
      end: () => {
        removePassing(folder)
        lock.release()
      },
    }
  }

  /** The image a named layer lies on; null where there is no such layer. @throws ImageError. */
  imageOf(name: string): Digest | null {
    const path = `${this.place.writable}/${name}/writable.json`
    const bytes = readIfThere(path)
    if (bytes === null) return null
    const object = asObject(parseJson(bytes, path), path)
    return parseDigest(asString(object['image'], `${path}: image`))
  }

  /** Names of the layers that have one. */
  names(): string[] {
    return this.entries().filter(name => NAME.test(name))
  }

  /**
   * Removes a layer, first its name, so that it is never half there. That nobody uses it is the
   * caller's to know, who holds the records lock.
   */
  remove(name: string): void {
    const doomed = `${this.place.writable}/${REMOVED}${randomBytes(8).toString('hex')}`
    fs.renameSync(nodePath(`${this.place.writable}/${name}`), nodePath(doomed))
    removeTree(doomed)
  }

  /** Removes what mounts that died have left, or only says what. Returns names of folders. */
  sweep(dryRun: boolean): string[] {
    const left: string[] = []
    for (const entry of this.entries()) {
      if (entry.startsWith(REMOVED)) {
        left.push(entry)
        if (!dryRun) removeTree(`${this.place.writable}/${entry}`)
        continue
      }
      if (!entry.startsWith(PASSING) || !entry.endsWith(LOCK)) continue
      const folder = `${this.place.writable}/${entry.slice(0, -LOCK.length)}`
      const lock = tryLock(`${folder}${LOCK}`, 'exclusive')
      if (lock === null) continue
      left.push(entry.slice(0, -LOCK.length))
      if (!dryRun) removePassing(folder)
      lock.release()
    }
    return left
  }

  private entries(): string[] {
    try {
      return fs.readdirSync(nodePath(this.place.writable), 'latin1')
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return []
      throw error
    }
  }

  /** writable.json is written last: a layer that has it is whole. */
  private make(folder: string, image: Digest, top: DirectoryAt): void {
    removeTree(folder)
    fs.mkdirSync(nodePath(folder), { recursive: true, mode: 0o700 })
    likeDirectory(top, `${folder}/upper`, this.format)
    fs.mkdirSync(nodePath(`${folder}/work`), { mode: 0o700 })
    replaceFile(`${folder}/writable.json`, `${JSON.stringify({ image })}\n`)
  }
}

/** The lock's file last: it says that there is something to remove. */
function removePassing(folder: string): void {
  removeTree(folder)
  fs.rmSync(nodePath(`${folder}${LOCK}`), { force: true })
}
