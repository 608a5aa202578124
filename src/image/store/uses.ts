// Who uses which image. A mount's use ends with the process that serves it, however that ends: it
// holds a lock on its file. A container's use lasts until it is removed.
import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { type Digest, parseDigest } from '../model/digest.js'
import { asObject, asString, optionalString, parseJson } from '../model/json-shape.js'
import { isMountedByKernel } from './kernel-mount.js'
import { readIfThere, replaceFile, replaceFileAside } from './replace-file.js'
import { tryLock } from './store-lock.js'
import { nodePath, type StorePlace } from './store-place.js'

export interface ImageUse {
  readonly image: Digest
  readonly kind: 'container' | 'mount'
  /** What people call it: the container's name, the mount point (text). */
  readonly name: string
  /** Chain ids of the layers in use, base first; they are kept whatever becomes of the image. */
  readonly layers: readonly Digest[]
  /** The name of the writable layer that a mount has on top; absent for none, or one without. */
  readonly writable?: string
  /** A mount of the kernel's, which may outlive its process: what `mountKey` has said of it. */
  readonly mounted?: string
}

/** A use that has been noted. */
export interface HeldUse {
  /** It is over; the first call counts. */
  end(): void
}

export class Uses {
  private readonly place: StorePlace

  constructor(place: StorePlace) {
    this.place = place
  }

  /**
   * Notes a use that ends with this process, or with `end`. Call it under the records lock.
   * @throws FsError or Node's error.
   */
  hold(use: ImageUse): HeldUse {
    const path = this.fresh('held')
    replaceFile(path, JSON.stringify(use))
    const lock = tryLock(path, 'exclusive')
    if (lock === null) throw new Error(`the use ${path} has been taken for a dead one`)
    let isOver = false
    return {
      end: () => {
        if (isOver) return
        isOver = true
        fs.rmSync(nodePath(path), { force: true })
        lock.release()
      },
    }
  }

  /**
   * Notes a use that lasts until `forget`. Call it under the records lock, and keep that meanwhile.
   * @param key of the user's own: letters, digits, `-`, `_`.
   */
  keep(key: string, use: ImageUse): Promise<void> {
    return replaceFileAside(this.kept(key), JSON.stringify(use))
  }

  forget(key: string): void {
    fs.rmSync(nodePath(this.kept(key)), { force: true })
  }

  /** Keys of the uses that last until they are forgotten; of half-written ones with a suffix. */
  keptKeys(): string[] {
    return fs
      .readdirSync(nodePath(this.place.uses), 'latin1')
      .flatMap(name => /^kept-([A-Za-z0-9_-]+(\.[0-9a-f]+)?)$/.exec(name)?.[1] ?? [])
  }

  /** All that last; files of processes that have ended are removed on the way. */
  list(): ImageUse[] {
    const uses: ImageUse[] = []
    for (const name of fs.readdirSync(nodePath(this.place.uses), 'latin1')) {
      const path = `${this.place.uses}/${name}`
      if (!/^(held|kept)-[A-Za-z0-9_-]+$/.test(name)) continue
      const bytes = readIfThere(path)
      if (bytes === null) continue
      const use = readUse(bytes, name)
      if (name.startsWith('kept-') || this.lasts(path, use)) uses.push(use)
    }
    return uses
  }

  private lasts(path: string, { mounted }: ImageUse): boolean {
    const lock = tryLock(path, 'exclusive')
    if (lock === null) return true
    const isMounted = mounted !== undefined && isMountedByKernel(mounted)
    if (!isMounted) fs.rmSync(nodePath(path), { force: true })
    lock.release()
    return isMounted
  }

  private fresh(kind: string): string {
    return `${this.place.uses}/${kind}-${process.pid}-${randomBytes(6).toString('hex')}`
  }

  private kept(key: string): string {
    return `${this.place.uses}/kept-${key}`
  }
}

function readUse(bytes: Uint8Array, name: string): ImageUse {
  const what = `use ${name}`
  const object = asObject(parseJson(bytes, what), what)
  const layers = object['layers']
  const writable = optionalString(object['writable'], `${what}: writable`)
  const mounted = optionalString(object['mounted'], `${what}: mounted`)
  return {
    image: parseDigest(asString(object['image'], `${what}: image`)),
    kind: object['kind'] === 'container' ? 'container' : 'mount',
    name: asString(object['name'], `${what}: name`),
    layers: Array.isArray(layers)
      ? layers.map(layer => parseDigest(asString(layer, `${what}: layers`)))
      : [],
    ...(writable === undefined ? {} : { writable }),
    ...(mounted === undefined ? {} : { mounted }),
  }
}
