// The merged view of layers that do not change, as far as unpacking another one on top of them
// asks: what a name is, and in which layer. Reads layers as unpacking wrote them, so it follows
// whiteouts and opaque directories, and no redirects.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_DIRECTORY, O_RDONLY } from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { statx } from '../sys/inode.js'
import { isDirectory, statRecords } from '../sys/stat.js'
import { DeepPaths, type Reached } from './deep-paths.js'
import { FdCache } from './fd-cache.js'
import { isDotName, type LayerFormat } from './format.js'
import { Layer } from './layer.js'
import { opaqueValue } from './opaque.js'
import { readDirectory } from './read-directory.js'
import { hasDotWhiteout, isDeviceWhiteout, isXattrWhiteout } from './whiteout.js'

/** A root has its own descriptor. */
const NO_CACHE = new FdCache(1)

/** A directory of the merged view. */
export interface StackDirectory {
  /** Below each layer's root, '' for the root. */
  readonly path: string
  /**
   * Descriptors of the roots of the layers that have a part in it, topmost first. Each is looked for
   * when it is asked for: mostly the first one has the answer.
   */
  readonly layers: Iterable<number>
}

/** What a name is in the merged view. */
export interface StackObject {
  /** The root of the layer that shows it. */
  readonly layer: number
  readonly path: string
  /** Its stat record. */
  readonly record: Uint32Array
  /** For a directory: all of its parts. */
  readonly directory: StackDirectory | undefined
}

export class LayerStack {
  private readonly paths: readonly string[]
  private readonly format: LayerFormat
  private roots: number[] | undefined
  private deep = new DeepPaths()

  /**
   * @param paths roots of the layers, topmost first; they are opened at the first question.
   */
  constructor(paths: readonly string[], format: LayerFormat) {
    this.paths = paths
    this.format = format
  }

  /**
   * The same layers under more of them, the topmost first. This stack is not to be used or closed
   * after: its descriptors are the new one's. Throws FsError.
   */
  under(paths: readonly string[]): LayerStack {
    const stack = new LayerStack([...paths, ...this.paths], this.format)
    if (this.roots !== undefined) stack.roots = [...paths.map(openRoot), ...this.roots]
    stack.deep = this.deep
    return stack
  }

  /** The root of the merged view; undefined where there are no layers. Throws FsError. */
  root(): StackDirectory | undefined {
    this.roots ??= this.paths.map(openRoot)
    return this.roots.length === 0 ? undefined : { path: '', layers: this.roots }
  }

  /** Where calls reach an object of a layer, until the next question. Throws FsError. */
  reach({ layer, path }: Pick<StackObject, 'layer' | 'path'>): Reached {
    return this.deep.reach(layer, path)
  }

  /** What a name in a directory is; undefined where it is not, or is hidden. Throws FsError. */
  lookup(directory: StackDirectory, name: string): StackObject | undefined {
    const path = directory.path === '' ? name : `${directory.path}/${name}`
    const objects = this.objects(directory, name, path)
    const top = objects.next()
    if (top.done === true) return undefined
    const { root, record } = top.value
    const layers = isDirectory(record) ? new Parts(root, objects) : undefined
    return { layer: root, path, record, directory: layers && { path, layers } }
  }

  /** Everything of that name, from the top down to where it is hidden. Throws FsError. */
  private *objects(
    directory: StackDirectory,
    name: string,
    path: string,
  ): Generator<LayerObject, undefined> {
    let record = statRecords(1)
    for (const root of directory.layers) {
      const at = this.deep.reach(root, path)
      const error = statx(at.dirfd, at.name, AT_SYMLINK_NOFOLLOW, record, 0)
      if (error < 0 && error !== -E.ENOENT) throw new FsError(error, 'statx', path)
      const hidden = this.isDotHidden(root, directory.path, name)
      if (error === 0) {
        if (isDeviceWhiteout(record) || this.isXattrHidden(root, path, record)) return
        yield { root, record }
        if (!isDirectory(record) || this.isOpaque(root, path)) return
        record = statRecords(1)
      }
      if (hidden) return
    }
  }

  /** The names that a directory shows, in no order. Throws FsError. */
  names(directory: StackDirectory): string[] {
    const found = new Set<string>()
    for (const root of directory.layers) {
      const fd = this.openDirectory(root, directory.path)
      const listed = new Layer(directory.path, fd, -1)
      const error = readDirectory(listed.root, NO_CACHE, name => {
        if (!this.format.dotWhiteouts || !isDotName(name)) found.add(name)
      })
      listed.close()
      if (error < 0) throw new FsError(error, 'getdents64', directory.path)
    }
    return [...found].filter(name => this.lookup(directory, name) !== undefined)
  }

  close(): void {
    this.deep.close()
    for (const fd of this.roots ?? []) close(fd)
    this.roots = []
  }

  private isDotHidden(root: number, directory: string, name: string): boolean {
    if (!this.format.dotWhiteouts) return false
    if (directory === '') return hasDotWhiteout(root, name, this.format)
    const fd = this.openDirectory(root, directory)
    const hidden = hasDotWhiteout(fd, name, this.format)
    close(fd)
    return hidden
  }

  private isXattrHidden(root: number, path: string, record: Uint32Array): boolean {
    if (!this.format.xattrWhiteouts) return false
    const { dirfd, name } = this.deep.reach(root, path)
    return isXattrWhiteout(dirfd, name, record, this.format)
  }

  private isOpaque(root: number, path: string): boolean {
    const { dirfd, name } = this.deep.reach(root, path)
    return opaqueValue(dirfd, name, this.format) === 'y'
  }

  private openDirectory(root: number, path: string): number {
    const { dirfd, name } = this.deep.reach(root, path === '' ? '.' : path)
    const fd = openat2(dirfd, name, O_RDONLY | O_DIRECTORY, 0, 0)
    if (fd < 0) throw new FsError(fd, 'open', path)
    return fd
  }
}

/** An object of one layer. */
interface LayerObject {
  readonly root: number
  readonly record: Uint32Array
}

/** The parts of a directory: of the objects of its name the directories that stand on top. */
class Parts implements Iterable<number> {
  private readonly known: number[]
  private further: Iterator<LayerObject> | null

  /** @param further those below the first. */
  constructor(first: number, further: Iterator<LayerObject>) {
    this.known = [first]
    this.further = further
  }

  *[Symbol.iterator](): Generator<number, undefined> {
    for (let i = 0; i < this.known.length || this.find(); i++) yield this.known[i] ?? -1
  }

  /** Whether there is one more. */
  private find(): boolean {
    const step = this.further?.next()
    const isPart =
      step !== undefined && step.done !== true && isDirectory(step.value.record)
    if (isPart) this.known.push(step.value.root)
    else this.further = null
    return isPart
  }
}

function openRoot(path: string): number {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  return fd
}
