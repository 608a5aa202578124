// Unpacks one layer's tar into a folder, in the on-disk format of the overlay. The archive is
// hostile until proven otherwise: nothing outside of the folder is written, read or followed, and
// what the overlay would take for instructions is stored as data or refused.
import type { ByteSource } from '../../bytes/byte-source.js'
import type { LayerFormat } from '../../layer/format.js'
import type { LayerStack } from '../../layer/layer-stack.js'
import { AT_EMPTY_PATH } from '../../sys/constants.js'
import { statx } from '../../sys/inode.js'
import { ST, statRecords } from '../../sys/stat.js'
import type { TarHeader } from '../../tar/entry.js'
import { TarReader } from '../../tar/reader.js'
import type { ContentDigests } from '../inventory/content-digests.js'
import { AttributeWriter } from './attributes.js'
import { completeNames, CopiedFiles } from './copied-files.js'
import { createLink } from './create-link.js'
import { createFile, createSpecial } from './create-object.js'
import {
  type Components,
  type EntryName,
  parseEntryName,
} from '../../layer/entry-name.js'
import { finishDirectories } from './finish-directories.js'
import { LayerTree } from './layer-tree.js'
import { defaultUnpackLimits, type UnpackLimits } from './limits.js'
import { Ownership, ownersByPrivilege, type OwnersIn } from './ownership.js'
import { Refusal } from '../../layer/refusal.js'
import { explain } from './refusal.js'
import type { Unpacking } from './unpacking.js'

export interface ApplyOptions {
  /** The layer's folder: there, and empty. A latin1 string of bytes. */
  readonly directory: string
  /** The layers below, in the same format; closing them is the caller's. */
  readonly parents: LayerStack
  readonly format: LayerFormat
  readonly limits?: UnpackLimits
  /** What errors call the layer: its digest. */
  readonly layerName: string
  /** Where owners and modes are kept; by what this process may do unless told. */
  readonly owners?: OwnersIn
  /** Takes the digests of files whose contents go by as a whole. */
  readonly digests?: ContentDigests
}

export interface AppliedLayer {
  /** Entries of the archive. */
  readonly entries: number
  /** Bytes of its files, holes left out. */
  readonly bytes: number
}

/**
 * Unpacks an archive, which is read to its end.
 * @param tar the plain archive. It is asked for the next piece only when the last is on its way to
 * the disk, so that its making runs beside the writing.
 * @throws ImageError that names the layer and the entry. The folder then holds a part of the layer,
 * and is the caller's to remove.
 */
export async function applyLayer(
  tar: ByteSource,
  options: ApplyOptions,
): Promise<AppliedLayer> {
  const limits = options.limits ?? defaultUnpackLimits
  const reader = new TarReader(tar, limits)
  const done = { entries: 0, bytes: 0 }
  let entry: string | undefined
  let unpacking: Unpacking | undefined
  try {
    unpacking = begin(options, limits)
    for (;;) {
      entry = undefined
      // Most entries are wholly at hand, and cost no promise.
      const next = reader.next()
      const header = next instanceof Promise ? await next : next
      if (header === undefined) break
      entry = header.path
      const pending = apply(unpacking, reader, header)
      if (pending !== undefined) await pending
      done.entries++
      done.bytes += header.storedSize
    }
    completeNames(unpacking)
    finishDirectories(unpacking)
    return done
  } catch (error) {
    throw explain(error, options.layerName, entry)
  } finally {
    unpacking?.tree.close()
    await reader.close()
  }
}

function begin(options: ApplyOptions, limits: UnpackLimits): Unpacking {
  const { format } = options
  const tree = new LayerTree(options.directory)
  const record = statRecords(1)
  statx(tree.fd(tree.root), '', AT_EMPTY_PATH, record, 0)
  const owners = options.owners ?? ownersByPrivilege()
  const ownership = new Ownership(owners, record[ST.gid] ?? 0)
  return {
    tree,
    stack: options.parents,
    format,
    ownership,
    attributes: new AttributeWriter(format, ownership.attribute),
    limits,
    copied: new CopiedFiles(),
    digests: options.digests,
  }
}

function apply(
  u: Unpacking,
  reader: TarReader,
  header: TarHeader,
): Promise<void> | undefined {
  const name = parseEntryName(header.path, u.limits.depth)
  switch (name.kind) {
    case 'object':
      return applyObject(u, reader, header, name.components)
    case 'whiteout':
    case 'opaque':
      applyHiding(u, header, name)
      return undefined
    case 'aufs':
      return undefined
  }
}

/** Noted here, and made when it is known what else the layer has. */
function applyHiding(
  u: Unpacking,
  { type }: TarHeader,
  name: Extract<EntryName, { directory: Components }>,
): void {
  if (type !== 'file') throw new Refusal('malformed', `a whiteout that is a ${type}`)
  const directory = u.tree.directory(name.directory)
  if (name.kind === 'opaque') directory.opaque = true
  else (directory.whiteouts ??= new Set()).add(name.name)
}

function applyObject(
  u: Unpacking,
  reader: TarReader,
  header: TarHeader,
  components: Components,
): Promise<void> | undefined {
  const name = components.at(-1)
  if (name === undefined) {
    if (header.type !== 'directory')
      throw new Refusal('malformed', `the root of the layer is a ${header.type}`)
    u.tree.root.header = header
    return undefined
  }
  const parent = u.tree.directory(components.slice(0, -1))
  switch (header.type) {
    case 'file':
      return createFile(u, reader, parent, name, header)
    case 'directory':
      u.tree.replaceByDirectory(parent, name).header = header
      return undefined
    case 'link':
      createLink(u, components, parent, header)
      return undefined
    case 'symlink':
    case 'char':
    case 'block':
    case 'fifo':
      createSpecial(u, parent, name, header)
      return undefined
  }
}
