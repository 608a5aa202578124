// Writable layers of image mounts: writable/NAME/ with what its kind consists of (upper and work
// directory, or a whole tree), and writable.json, which says what image the layer lies on, since it
// means something on that one alone, and its kind. A layer without a name goes with the process
// that mounts it; `sweep` removes those of processes that died.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import type { FormatName } from '../../layer/format.js'
import { type Digest, parseDigest } from '../model/digest.js'
import { ImageError } from '../model/errors.js'
import { asObject, asString, optionalString, parseJson } from '../model/json-shape.js'
import { type DirectoryAt, likeDirectory } from './like-directory.js'
import { removeTree } from './remove-tree.js'
import { readIfThere, replaceFile } from './replace-file.js'
import { tryLock } from './store-lock.js'
import { nodePath, type StorePlace } from './store-place.js'

/** What a layer is on the disk: an upper directory in one of two spellings, or a whole tree. */
const KINDS = ['overlay', 'aufs', 'vfs', 'btrfs', 'block'] as const
export type WritableKind = (typeof KINDS)[number]

/** How a new layer of a kind is made. */
export interface LayerMaker {
  readonly kind: WritableKind
  /** Fills a folder that is there and empty; one that it throws in is made anew the next time. */
  readonly make: (folder: string) => void
}

/** A layer's folder, and in it an upper and a work directory where its kind has them. */
export interface WritableLayer {
  readonly folder: string
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

  /** Layers with an upper directory; `top` is the root of their image's topmost layer. */
  overUpper(kind: 'overlay' | 'aufs', top: DirectoryAt): LayerMaker {
    const make = (folder: string): void => {
      likeDirectory(top, `${folder}/upper`, this.format)
      fs.mkdirSync(nodePath(`${folder}/work`), { mode: 0o700 })
    }
    return { kind, make }
  }

  /**
   * The layer of a name, made when it is not there yet.
   * @param image what it is to lie on.
   * @throws ImageError `invalid` for a bad name, `in-use` for a layer of another image or kind.
   */
  named(name: string, image: Digest, maker: LayerMaker): WritableLayer {
    if (!NAME.test(name))
      throw new ImageError(
        'invalid',
        `'${name}' is no name for a writable layer: letters, digits, '_', '.' and '-'`,
      )
    const folder = `${this.place.writable}/${name}`
    const known = this.find(name)
    if (known === null) this.make(folder, image, maker)
    else if (known.image !== image)
      throw new ImageError(
        'in-use',
        `the writable layer ${name} belongs to image ${known.image}; choose another name`,
      )
    else if (known.kind !== maker.kind)
      throw new ImageError(
        'in-use',
        `the writable layer ${name} was made by ${driverOf(known.kind)}; mount it with that, or choose another name`,
      )
    return layerIn(folder, () => undefined)
  }

  /** A layer that is removed at its end. */
  passing(image: Digest, maker: LayerMaker): WritableLayer {
    const folder = `${this.place.writable}/${PASSING}${randomBytes(8).toString('hex')}`
    fs.mkdirSync(nodePath(this.place.writable), { recursive: true, mode: 0o700 })
    const lock = tryLock(`${folder}${LOCK}`, 'exclusive')
    if (lock === null) throw new ImageError('store', `${folder} is locked`)
    const end = (): void => {
      removePassing(folder)
      lock.release()
    }
    try {
      this.make(folder, image, maker)
    } catch (error) {
      end()
      throw error
    }
    return layerIn(folder, end)
  }

  /** The image a named layer lies on; null where there is no such layer. @throws ImageError. */
  imageOf(name: string): Digest | null {
    return this.find(name)?.image ?? null
  }

  /** What a layer lies on, and its kind; null where there is no such layer. @throws ImageError. */
  find(name: string): { readonly image: Digest; readonly kind: WritableKind } | null {
    const path = `${this.place.writable}/${name}/writable.json`
    const bytes = readIfThere(path)
    if (bytes === null) return null
    const object = asObject(parseJson(bytes, path), path)
    const kind = optionalString(object['kind'], `${path}: kind`) ?? 'overlay'
    const known = KINDS.find(one => one === kind)
    if (known === undefined)
      throw new ImageError('store', `${path}: the kind ${kind} is not known`)
    return {
      image: parseDigest(asString(object['image'], `${path}: image`)),
      kind: known,
    }
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

  /**
   * Removes what mounts that died have left, or only says what. Returns names of folders.
   * @param used names that are in use, also of layers whose process alone has died.
   */
  sweep(dryRun: boolean, used: ReadonlySet<string | undefined>): string[] {
    const left: string[] = []
    for (const entry of this.entries()) {
      if (entry.startsWith(REMOVED)) {
        left.push(entry)
        if (!dryRun) removeTree(`${this.place.writable}/${entry}`)
        continue
      }
      if (!entry.startsWith(PASSING) || !entry.endsWith(LOCK)) continue
      const folder = `${this.place.writable}/${entry.slice(0, -LOCK.length)}`
      if (used.has(entry.slice(0, -LOCK.length))) continue
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
  private make(folder: string, image: Digest, { kind, make }: LayerMaker): void {
    removeTree(folder)
    fs.mkdirSync(nodePath(folder), { recursive: true, mode: 0o700 })
    try {
      make(folder)
    } catch (error) {
      removeTree(folder)
      throw error
    }
    const record = kind === 'overlay' ? { image } : { image, kind }
    replaceFile(`${folder}/writable.json`, `${JSON.stringify(record)}\n`)
  }
}

function layerIn(folder: string, end: () => void): WritableLayer {
  return { folder, upper: `${folder}/upper`, work: `${folder}/work`, end }
}

/** Two drivers share a kind: what the one writes the other reads. */
function driverOf(kind: WritableKind): string {
  return kind === 'overlay' ? '--driver=plyfs or overlay2' : `--driver=${kind}`
}

/** The lock's file last: it says that there is something to remove. */
function removePassing(folder: string): void {
  removeTree(folder)
  fs.rmSync(nodePath(`${folder}${LOCK}`), { force: true })
}
