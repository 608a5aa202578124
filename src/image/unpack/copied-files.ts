// Files of the layers below of which this layer holds a copy, because a hard link asked for one of
// their names. The copy stands for the whole file: in the end every name that the layers below show
// of it, and that this layer neither has nor hides, becomes a name of the copy. The merged tree then
// shows one inode, as unpacking all layers over one another does.
import { FsError } from '../../errno/fs-error.js'
import type { Components } from '../../layer/entry-name.js'
import type { StackObject } from '../../layer/layer-stack.js'
import { AT_SYMLINK_NOFOLLOW } from '../../sys/constants.js'
import { linkat, statx } from '../../sys/inode.js'
import { isSameFile, ST, statRecords } from '../../sys/stat.js'
import { Inodes, namesOfInodes } from '../inventory/names-of-inodes.js'
import type { UnpackDirectory } from './layer-tree.js'
import type { Unpacking } from './unpacking.js'

const record = statRecords(1)

export interface CopiedFile {
  readonly source: StackObject
  /** The copy's stat record, by which its names are known. */
  readonly copy: Uint32Array
  /** Names it was given; the archive may have put something else in their places since. */
  readonly names: Components[]
}

export class CopiedFiles {
  private readonly files = new Map<string, CopiedFile>()

  find(source: StackObject): CopiedFile | undefined {
    return this.files.get(keyOf(source))
  }

  add(file: CopiedFile): void {
    this.files.set(keyOf(file.source), file)
  }

  /** Those with more names below, by the layer that shows them. */
  withMoreNames(): Map<number, CopiedFile[]> {
    const byLayer = new Map<number, CopiedFile[]>()
    for (const file of this.files.values()) {
      const { layer, record } = file.source
      if ((record[ST.nlink] ?? 0) > 1)
        byLayer.set(layer, [...(byLayer.get(layer) ?? []), file])
    }
    return byLayer
  }
}

function keyOf({ layer, record }: StackObject): string {
  return `${layer}:${record[ST.ino + 1] ?? 0}:${record[ST.ino] ?? 0}`
}

/** A name that still is the copy's; undefined where the archive has replaced them all. */
export function nameOf(
  u: Unpacking,
  { copy, names }: CopiedFile,
): { readonly directory: UnpackDirectory; readonly name: string } | undefined {
  for (const components of names) {
    const directory = known(u, components.slice(0, -1))
    const name = components.at(-1) ?? ''
    if (directory === undefined) continue
    if (statx(u.tree.fd(directory), name, AT_SYMLINK_NOFOLLOW, record, 0) < 0) continue
    if (isSameFile(record, 0, copy, 0)) return { directory, name }
  }
  return undefined
}

function known(u: Unpacking, components: Components): UnpackDirectory | undefined {
  let at: UnpackDirectory | undefined = u.tree.root
  for (const name of components) at = at?.children.get(name)
  return at
}

/** Gives the copies their other names, when all entries of the archive are known. Throws FsError. */
export function completeNames(u: Unpacking): void {
  for (const [layer, files] of u.copied.withMoreNames()) {
    const wanted = new Inodes<CopiedFile>()
    for (const file of files) wanted.add(file.source.record, file)
    for (const { components, what } of namesOfInodes(layer, wanted))
      if (isShown(u, components, what) && isFree(u, components)) link(u, components, what)
  }
}

/** Whether the layers below show the file under that name. */
function isShown(u: Unpacking, components: Components, { source }: CopiedFile): boolean {
  let at = u.stack.root()
  let object: StackObject | undefined
  for (const name of components) {
    object = at === undefined ? undefined : u.stack.lookup(at, name)
    at = object?.directory
  }
  return object !== undefined && keyOf(object) === keyOf(source)
}

/** Whether this layer lets that name of the layers below be seen. */
function isFree(u: Unpacking, components: Components): boolean {
  let at = u.tree.root
  for (const name of components) {
    if (at.opaque || at.whiteouts?.has(name) === true) return false
    const child = at.children.get(name)
    if (child === undefined) return !u.tree.exists(at, name)
    at = child
  }
  return false
}

function link(u: Unpacking, components: Components, file: CopiedFile): void {
  const from = nameOf(u, file)
  if (from === undefined) return
  const to = u.tree.directory(components.slice(0, -1))
  const name = components.at(-1) ?? ''
  const source = u.tree.fd(from.directory)
  const error = linkat(source, from.name, u.tree.fd(to), name, 0)
  if (error < 0) throw new FsError(error, 'link', name)
}
