// The root filesystem of an image, read without a mount: names, attributes and contents of what its
// layers show together. A symlink is followed as a process in that root would follow it, so that no
// path leads out of the image.
import { FsError } from '../errno/fs-error.js'
import { layerFormat } from '../layer/format.js'
import {
  LayerStack,
  type StackDirectory,
  type StackObject,
} from '../layer/layer-stack.js'
import { overrideOf } from '../layer/owner-override.js'
import { AT_EMPTY_PATH, PATH_MAX } from '../sys/constants.js'
import { close } from '../sys/file.js'
import { readlinkat, statx } from '../sys/inode.js'
import { isRegular, isSymlink, ST, statNumber, statRecords } from '../sys/stat.js'
import type { TarEntry } from '../tar/writer.js'
import { describeObject } from './diff/describe-object.js'
import { openContents, readRun } from './diff/file-contents.js'
import { ImageError } from './model/errors.js'
import type { ImageRecord } from './store/image-record.js'
import type { Store } from './store/store.js'
import { shown } from '../layer/refusal.js'

/** As many links one after the other as Linux follows (MAXSYMLINKS). */
const MAX_LINKS = 40

const target = Buffer.alloc(PATH_MAX)

export type { TarEntry } from '../tar/writer.js'

/** Something in the tree. */
export interface TreeObject {
  /** From the root, without links; `/` for the root itself. */
  readonly path: string
  readonly found: StackObject
}

export class ImageTree {
  private readonly stack: LayerStack
  private readonly format
  private readonly overrides = new Map<number, string | null>()

  /** @param image its layers have to be unpacked. */
  constructor(store: Store, image: ImageRecord) {
    this.format = layerFormat(store.format, true, false)
    this.stack = new LayerStack(
      store.layers.paths(store.configOf(image).diffIds),
      this.format,
    )
  }

  close(): void {
    this.stack.close()
  }

  /**
   * What a path names. Links on the way are followed, and the last one where `follow` says so.
   * @throws ImageError `not-found`, `invalid` (no directory, too many links), or FsError.
   */
  find(path: string, follow: boolean): TreeObject {
    const left = componentsOf(path).toReversed()
    const above: TreeObject[] = [this.root(path)]
    let links = 0
    for (let name = left.pop(); name !== undefined; name = left.pop()) {
      const at = above.at(-1) ?? this.root(path)
      if (name === '.') continue
      if (name === '..') {
        if (above.length > 1) above.pop()
        continue
      }
      const { directory } = at.found
      if (directory === undefined) throw bad('invalid', path, 'not a directory')
      const found = this.stack.lookup(directory, name)
      if (found === undefined) throw bad('not-found', path, 'no such file or directory')
      if (!isSymlink(found.record) || (left.length === 0 && !follow)) {
        above.push({ path: `/${found.path}`, found })
        continue
      }
      if ((links += 1) > MAX_LINKS) throw bad('invalid', path, 'too many symbolic links')
      const text = this.target(found)
      if (text.startsWith('/')) above.splice(1)
      left.push(...componentsOf(text).toReversed())
    }
    return above.at(-1) ?? this.root(path)
  }

  /** What a directory shows, in the order of the names' bytes. @throws ImageError, FsError. */
  list({ path, found }: TreeObject): TreeObject[] {
    const { directory } = found
    if (directory === undefined) throw bad('invalid', path, 'not a directory')
    return this.stack
      .names(directory)
      .sort()
      .flatMap(name => this.child(directory, name))
  }

  /** Type, mode, owner, size, time, link target; undefined for a socket. @throws FsError. */
  describe({ path, found }: TreeObject): TarEntry | undefined {
    const { layer, record } = found
    const override = this.override(layer)
    return describeObject(
      { ...this.stack.reach(found), record, override },
      path,
      this.format,
    )
  }

  /** The contents of a file. @throws ImageError `invalid` for anything else, FsError. */
  *contents(object: TreeObject): Generator<Uint8Array> {
    const { path, found } = object
    const isFile = isRegular(found.record) && this.describe(object)?.type === 'file'
    if (found.directory !== undefined) throw bad('invalid', path, 'is a directory')
    if (!isFile) throw bad('invalid', path, 'not a file')
    const { dirfd, name } = this.stack.reach(found)
    const fd = openContents(dirfd, name)
    try {
      yield* readRun(fd, { offset: 0, length: statNumber(found.record, ST.size) }, path)
    } finally {
      close(fd)
    }
  }

  private root(path: string): TreeObject {
    const directory = this.stack.root()
    const [layer] = directory?.layers ?? []
    if (directory === undefined || layer === undefined)
      throw bad('not-found', path, 'the image has no layers')
    const record = statRecords(1)
    const error = statx(layer, '', AT_EMPTY_PATH, record, 0)
    if (error < 0) throw new FsError(error, 'statx', '/')
    return { path: '/', found: { layer, path: '', record, directory } }
  }

  private child(directory: StackDirectory, name: string): TreeObject[] {
    const found = this.stack.lookup(directory, name)
    return found === undefined ? [] : [{ path: `/${found.path}`, found }]
  }

  private target(found: StackObject): string {
    const { dirfd, name } = this.stack.reach(found)
    const length = readlinkat(dirfd, name, target, 0)
    if (length < 0) throw new FsError(length, 'readlink', found.path)
    return target.latin1Slice(0, length)
  }

  private override(layer: number): string | null {
    let known = this.overrides.get(layer)
    if (known === undefined) this.overrides.set(layer, (known = overrideOf(layer)))
    return known
  }
}

function componentsOf(path: string): string[] {
  return path.split('/').filter(part => part !== '')
}

function bad(code: 'invalid' | 'not-found', path: string, what: string): ImageError {
  return new ImageError(code, `${shown(path)}: ${what}`, { entry: path })
}
