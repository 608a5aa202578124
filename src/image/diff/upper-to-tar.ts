// An upper directory as the tar of an OCI layer: what was changed, whiteouts for what was removed,
// opaque markers. The same directory gives the same bytes: names in the order of their bytes, a
// whiteout in the place of its name, nothing of the host. Reads the upper, changes nothing.
//
// What the overlay keeps in the layers below is fetched from there: the data of metacopy files,
// all of a directory that was renamed, since an archive knows no renames, and the other names of a
// lower file that was changed through one (see linked-copies.ts). A whole root
// filesystem is written the same way: as a root of which everything is to be fetched.
import { batched } from '../../bytes/batched.js'
import type { ByteSource } from '../../bytes/byte-source.js'
import { FsError } from '../../errno/fs-error.js'
import { FdCache } from '../../layer/fd-cache.js'
import type { LayerFormat } from '../../layer/format.js'
import { LayerDirectory } from '../../layer/layer-directory.js'
import { LayerStack, type StackDirectory } from '../../layer/layer-stack.js'
import { Layer } from '../../layer/layer.js'
import { overrideOf } from '../../layer/owner-override.js'
import { readUpper, type UpperListing, type UpperObject } from '../../layer/read-upper.js'
import { AT_EMPTY_PATH, AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../sys/constants.js'
import { openat2 } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { isDirectory, statRecords } from '../../sys/stat.js'
import { depthBelow } from './depth.js'
import { LinkedCopies } from './linked-copies.js'
import { lowerPart } from './lower-part.js'
import { ObjectWriter } from './object-writer.js'

export interface DiffOptions {
  /** The upper directory, a latin1 string of bytes. Nobody changes it meanwhile. */
  readonly upper: string
  /** The index of its work directory; null where there is none. */
  readonly index: string | null
  /** The layers below it, the topmost first. */
  readonly parents: readonly string[]
  readonly format: LayerFormat
}

export interface RootOptions {
  /** As above; null for the layers alone. */
  readonly upper: string | null
  readonly index: string | null
  readonly parents: readonly string[]
  readonly format: LayerFormat
}

const BATCH = 256 * 1024
const DESCRIPTORS = 128

/**
 * The layer's tar. @throws FsError, or ImageError `conflict` for a file that is cut while it is
 * read.
 */
export function upperToTar(options: DiffOptions): ByteSource {
  return batched(new Diff(options).pieces(false), BATCH)
}

/** All of what is merged, as a flat tar without whiteouts. Raises what `upperToTar` raises. */
export function rootToTar(options: RootOptions): ByteSource {
  return batched(new Diff(options).pieces(true), BATCH)
}

const NO_NAMES: ReadonlySet<string> = new Set()
const NO_LISTING: UpperListing = { objects: new Map(), whiteouts: NO_NAMES }

/** A directory of the merged tree, as far as the archive needs it. */
interface Place {
  /** Path in the archive; '' for the root. */
  readonly path: string
  /** Directories above what is in it. */
  readonly depth: number
  readonly upper: LayerDirectory | undefined
  /** Its lower part, asked for when something depends on it. */
  readonly lower: () => StackDirectory | undefined
  /** All of it is written, since its lower part was somewhere else. */
  readonly whole: boolean
}

class Diff {
  private readonly format: LayerFormat
  private readonly stack: LayerStack
  private readonly writer: ObjectWriter
  private readonly fds = new FdCache(DESCRIPTORS)
  /** The upper layer; null without one. */
  private readonly layer: Layer | null
  private readonly override: string | null
  private readonly copies: LinkedCopies

  constructor({ upper, index, parents, format }: RootOptions) {
    this.layer = upper === null ? null : openUpperLayer(upper)
    this.override = this.layer && overrideOf(this.layer.rootFd)
    this.format = format
    this.writer = new ObjectWriter(format)
    this.stack = new LayerStack(parents, format)
    this.copies = new LinkedCopies(index, this.stack, format)
  }

  // The shape asks for an async generator; nothing in it waits for more than the disk.
  // eslint-disable-next-line @typescript-eslint/require-await
  async *pieces(whole: boolean): ByteSource {
    try {
      const root = this.stack.root()
      if (whole || root === undefined) yield* this.root(root)
      const upper = this.layer?.root
      yield* this.directory({ path: '', depth: 0, upper, lower: () => root, whole })
      yield this.writer.end()
    } finally {
      this.fds.shrink()
      this.copies.close()
      this.stack.close()
      this.layer?.close()
    }
  }

  /** A first layer says what its root is; others leave it as it is. */
  private *root(lower: StackDirectory | undefined): Generator<Uint8Array> {
    const record = statRecords(1)
    const [below] = lower?.layers ?? []
    const dirfd = this.layer?.rootFd ?? below
    if (dirfd === undefined) return
    const error = statx(dirfd, '', AT_EMPTY_PATH, record, 0)
    if (error < 0) throw new FsError(error, 'statx', '/')
    const override = this.layer === null ? overrideOf(dirfd) : this.override
    yield* this.writer.object({ dirfd, name: '', record, override }, '.')
  }

  private *directory(place: Place): Generator<Uint8Array> {
    const listing = this.list(place)
    // A directory that was not renamed has the path that its lower part has.
    const linked = place.whole ? NO_NAMES : this.copies.namesIn(place.path)
    const lower = place.whole || linked.size > 0 ? place.lower() : undefined
    const below = place.whole && lower !== undefined ? this.stack.names(lower) : linked
    // Where all is written there is nothing left to hide.
    const hidden = place.whole ? NO_NAMES : listing.whiteouts
    const names = new Set([...listing.objects.keys(), ...hidden, ...below])
    for (const name of [...names].sort()) {
      const path = place.path === '' ? name : `${place.path}/${name}`
      if (hidden.has(name)) yield this.writer.whiteout(place.path, name)
      const object = listing.objects.get(name)
      // In the dot formats a whiteout may stand beside the name.
      const isHidden = listing.whiteouts.has(name)
      if (object !== undefined) yield* this.upperObject(place, object, path, isHidden)
      else if (lower !== undefined && !isHidden)
        yield* this.lowerObject(place, lower, name, path)
    }
  }

  private list({ upper }: Place): UpperListing {
    return upper === undefined ? NO_LISTING : readUpper(upper, this.fds, this.format)
  }

  private *upperObject(
    place: Place,
    object: UpperObject,
    path: string,
    isHidden: boolean,
  ): Generator<Uint8Array> {
    const { name, record } = object
    if (place.upper === undefined) return
    const dirfd = place.upper.mustOpen(this.fds)
    const disk = { dirfd, name, record, override: this.override }
    if (!isDirectory(record)) {
      const data = object.metacopy
        ? lowerPart(this.stack, place.lower, object)
        : undefined
      yield* this.writer.object(disk, path, data && (() => this.stack.reach(data)))
      return
    }
    yield* this.writer.object(disk, path)
    const covers = object.opaque || isHidden
    if (!place.whole && (covers || object.redirect !== null))
      yield this.writer.opaque(path)
    yield* this.directory({
      path,
      depth: depthBelow(place.depth, path),
      upper: new LayerDirectory(place.upper.layer, place.upper, name),
      lower: once(() =>
        covers ? undefined : lowerPart(this.stack, place.lower, object)?.directory,
      ),
      whole: place.whole || object.redirect !== null,
    })
  }

  private *lowerObject(
    { depth, whole }: Place,
    lower: StackDirectory,
    name: string,
    path: string,
  ): Generator<Uint8Array> {
    const found = this.stack.lookup(lower, name)
    if (found === undefined) return
    const { layer, record, directory } = found
    const copy = directory === undefined ? this.copies.of(found) : undefined
    if (copy !== undefined)
      yield* this.writer.object(
        { ...copy, override: this.override },
        path,
        copy.metacopy ? () => this.stack.reach(found) : undefined,
      )
    else if (whole) {
      const override = overrideOf(layer)
      yield* this.writer.object({ ...this.stack.reach(found), record, override }, path)
    }
    if (directory === undefined) return
    yield* this.directory({
      ...{ path, depth: depthBelow(depth, path), whole },
      ...{ upper: undefined, lower: () => directory },
    })
  }
}

function openUpperLayer(path: string): Layer {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  return new Layer(path, fd, -1)
}

/** A question that is asked once. */
function once<Answer>(ask: () => Answer): () => Answer {
  let answer: { readonly value: Answer } | undefined
  return () => (answer ??= { value: ask() }).value
}
