// What a writable layer has changed of the image it lies on, path by path, as `docker diff` has it:
// added, changed, deleted. Reads both, changes nothing.
import { FsError } from '../../errno/fs-error.js'
import { FdCache } from '../../layer/fd-cache.js'
import type { LayerFormat } from '../../layer/format.js'
import { LayerDirectory } from '../../layer/layer-directory.js'
import {
  LayerStack,
  type StackDirectory,
  type StackObject,
} from '../../layer/layer-stack.js'
import { Layer } from '../../layer/layer.js'
import { applyOverride, overrideOf } from '../../layer/owner-override.js'
import { readUpper, type UpperListing, type UpperObject } from '../../layer/read-upper.js'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../sys/constants.js'
import { openat2 } from '../../sys/file.js'
import { isDirectory, ST, statWord } from '../../sys/stat.js'
import { depthBelow } from './depth.js'
import { LinkedCopies } from './linked-copies.js'
import { lowerPart } from './lower-part.js'
import type { DiffOptions } from './upper-to-tar.js'

export interface Change {
  /** Added, changed, deleted. */
  readonly kind: 'A' | 'C' | 'D'
  /** From the root, with a slash; a latin1 string of bytes. */
  readonly path: string
}

const DESCRIPTORS = 128
const NOTHING: UpperListing = { objects: new Map(), whiteouts: new Set() }

/**
 * The changes, in the order of their paths' bytes. Of a deleted directory only itself is told, of a
 * new one everything. A directory is changed when its owner, mode or time are, or anything in it;
 * whatever else lies in the upper layer counts as changed, under every name that it has.
 * @throws FsError, or ImageError `limit` for a tree that is too deep.
 */
export function changesOf(options: DiffOptions): Change[] {
  const comparison = new UpperComparison(options)
  try {
    return comparison
      .run()
      .toSorted((one, two) => (one.path < two.path ? -1 : one.path > two.path ? 1 : 0))
  } finally {
    comparison.close()
  }
}

/** A directory of the union: what it consists of, and what the image has at its path. */
interface Place {
  readonly path: string
  /** Directories above what is in it. */
  readonly depth: number
  readonly upper: LayerDirectory | undefined
  readonly lower: StackDirectory | undefined
  readonly before: StackDirectory | undefined
}

class UpperComparison {
  private readonly changes: Change[] = []
  private readonly format: LayerFormat
  private readonly stack: LayerStack
  private readonly layer: Layer
  private readonly override: string | null
  private readonly fds = new FdCache(DESCRIPTORS)
  private readonly copies: LinkedCopies

  constructor({ upper, index, parents, format }: DiffOptions) {
    const fd = openat2(AT_FDCWD, upper, O_RDONLY | O_DIRECTORY, 0, 0)
    if (fd < 0) throw new FsError(fd, 'open', upper)
    this.layer = new Layer(upper, fd, -1)
    this.override = overrideOf(fd)
    this.format = format
    this.stack = new LayerStack(parents, format)
    this.copies = new LinkedCopies(index, this.stack, format)
  }

  run(): readonly Change[] {
    const root = this.stack.root()
    this.directory({
      ...{ path: '', depth: 0 },
      ...{ upper: this.layer.root, lower: root, before: root },
    })
    return this.changes
  }

  close(): void {
    this.fds.shrink()
    this.copies.close()
    this.stack.close()
    this.layer.close()
  }

  /** Tells what is different below a directory; whether anything is. */
  private directory(place: Place): boolean {
    const told = this.changes.length
    const { upper, lower, before } = place
    const listing =
      upper === undefined ? NOTHING : readUpper(upper, this.fds, this.format)
    for (const object of listing.objects.values())
      this.upperObject(place, object, listing.whiteouts.has(object.name))
    for (const name of goneFrom(this.stack, listing, lower, before))
      this.changes.push({ kind: 'D', path: `${place.path}/${name}` })
    const moved = lower === undefined || lower === before ? [] : this.stack.names(lower)
    for (const name of moved)
      if (
        lower !== undefined &&
        !listing.objects.has(name) &&
        !listing.whiteouts.has(name)
      )
        this.movedObject(place, lower, name)
    // What was not moved has the path that the layers below have.
    const linked = lower === before ? this.copies.namesIn(place.path.slice(1)) : []
    for (const name of linked)
      if (
        lower !== undefined &&
        !listing.objects.has(name) &&
        !listing.whiteouts.has(name)
      )
        this.linkedObject(place, lower, name)
    return this.changes.length > told
  }

  /** An object of the upper. @param isHidden nothing shows through. */
  private upperObject(place: Place, object: UpperObject, isHidden: boolean): void {
    const { name, record } = object
    const path = `${place.path}/${name}`
    const before = place.before && this.stack.lookup(place.before, name)
    if (!isDirectory(record) || place.upper === undefined) {
      this.changes.push({ kind: before === undefined ? 'A' : 'C', path })
      return
    }
    const covers = isHidden || object.opaque
    const merged = covers ? undefined : lowerPart(this.stack, () => place.lower, object)
    const isSame = before !== undefined && merged?.path === before.path
    const changed = this.directory({
      path,
      depth: depthBelow(place.depth, path),
      upper: new LayerDirectory(this.layer, place.upper, name),
      lower: isSame ? before.directory : merged?.directory,
      before: before?.directory,
    })
    const dirfd = place.upper.mustOpen(this.fds)
    if (before === undefined) this.changes.push({ kind: 'A', path })
    else if (changed || this.differs(dirfd, object, before))
      this.changes.push({ kind: 'C', path })
  }

  /** An object of the layers below that a renamed directory shows at another path. */
  private movedObject(place: Place, lower: StackDirectory, name: string): void {
    const found = this.stack.lookup(lower, name)
    if (found === undefined) return
    const path = `${place.path}/${name}`
    const before = place.before && this.stack.lookup(place.before, name)
    if (found.directory !== undefined)
      this.directory({
        path,
        depth: depthBelow(place.depth, path),
        upper: undefined,
        lower: found.directory,
        before: before?.directory,
      })
    this.changes.push({ kind: before === undefined ? 'A' : 'C', path })
  }

  /** An object below that is a changed file's other name, or a directory that may have one. */
  private linkedObject(place: Place, lower: StackDirectory, name: string): void {
    const found = this.stack.lookup(lower, name)
    if (found === undefined) return
    const path = `${place.path}/${name}`
    const { directory } = found
    const isChanged =
      directory === undefined
        ? this.copies.of(found) !== undefined
        : this.directory({
            ...{ path, depth: depthBelow(place.depth, path), upper: undefined },
            ...{ lower: directory, before: directory },
          })
    if (isChanged) this.changes.push({ kind: 'C', path })
  }

  /** Whether a directory has another type, mode, owner or time than the image's. */
  private differs(
    dirfd: number,
    { name, record }: UpperObject,
    before: StackObject,
  ): boolean {
    const now = shownRecord(this.override, dirfd, name, record)
    const override = overrideOf(before.layer)
    const at = this.stack.reach(before)
    const then = shownRecord(override, at.dirfd, at.name, before.record)
    return SHOWN.some(field => statWord(now, field) !== statWord(then, field))
  }
}

const SHOWN = [ST.mode, ST.uid, ST.gid, ST.mtime, ST.mtime + 1, ST.mtimeNsec]

/** Names that the image has in a directory and the union has not. */
function goneFrom(
  stack: LayerStack,
  { objects, whiteouts }: UpperListing,
  lower: StackDirectory | undefined,
  before: StackDirectory | undefined,
): string[] {
  if (before === undefined) return []
  const isGone = (name: string): boolean => !objects.has(name)
  if (lower === before)
    return [...whiteouts].filter(
      name => isGone(name) && stack.lookup(before, name) !== undefined,
    )
  const moved = new Set(lower === undefined ? [] : stack.names(lower))
  return stack
    .names(before)
    .filter(name => isGone(name) && (whiteouts.has(name) || !moved.has(name)))
}

function shownRecord(
  override: string | null,
  dirfd: number,
  name: string,
  record: Uint32Array,
): Uint32Array {
  if (override === null) return record
  const shown = Uint32Array.from(record)
  applyOverride(override, dirfd, name, shown)
  return shown
}
