// Lower files with several names that were copied up through one of them: the index of the writable
// layer knows the copy, and the layers below know the other names, which show it as well. An
// archive has to hold those names too.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { handleOfIndexName, checkHandle, openHandle } from '../../layer/file-handle.js'
import type { LayerFormat } from '../../layer/format.js'
import type { LayerStack, StackObject } from '../../layer/layer-stack.js'
import { drain } from '../../layer/read-directory.js'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_RDONLY,
  S_IFREG,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { isDirectory, ST, statRecords, statType } from '../../sys/stat.js'
import { getxattrat } from '../../sys/xattr.js'
import { isDeviceWhiteout } from '../../layer/whiteout.js'
import { Inodes, namesOfInodes } from '../inventory/names-of-inodes.js'

const NO_NAMES: ReadonlySet<string> = new Set()
const nothing = new Uint8Array(0)

export interface LinkedCopy {
  /** The index directory, and the copy's name in it. */
  readonly dirfd: number
  readonly name: string
  readonly record: Uint32Array
  /** Its data is in the layer below. */
  readonly metacopy: boolean
}

export class LinkedCopies {
  private readonly copies = new Inodes<LinkedCopy>()
  /** By directory, as the layers below have it: names that are, or lead to, one of a copied file. */
  private readonly leads = new Map<string, Set<string>>()
  private readonly index: number

  /**
   * @param index the index directory, bytes; null where there is none.
   * @throws FsError
   */
  constructor(index: string | null, stack: LayerStack, format: LayerFormat) {
    const layers = [...(stack.root()?.layers ?? [])]
    this.index = index === null || layers.length === 0 ? -1 : openIndex(index)
    if (this.index < 0) return
    let any = false
    for (const name of namesIn(this.index)) any = this.read(name, layers, format) || any
    if (!any) return
    for (const layer of layers)
      for (const { components } of namesOfInodes(layer, this.copies))
        this.lead(components)
  }

  /** The copy of a file of the layers below. */
  of({ record }: StackObject): LinkedCopy | undefined {
    if ((record[ST.nlink] ?? 0) < 2) return undefined
    return this.copies.find(record[ST.ino] ?? 0, record[ST.ino + 1] ?? 0)
  }

  /** Names in a directory that are worth a look, '' for the root. */
  namesIn(path: string): ReadonlySet<string> {
    return this.leads.get(path) ?? NO_NAMES
  }

  close(): void {
    if (this.index >= 0) close(this.index)
  }

  /** Notes an entry of the index; false for one that is no copy of a file with several names. */
  private read(name: string, layers: readonly number[], format: LayerFormat): boolean {
    const handle = handleOfIndexName(name)
    const [layer] = layers
    if (handle === null || checkHandle(handle) < 0 || layer === undefined) return false
    const record = statRecords(1)
    const error = statx(this.index, name, AT_SYMLINK_NOFOLLOW, record, 0)
    if (error < 0) throw new FsError(error, 'statx', name)
    if (isDirectory(record) || isDeviceWhiteout(record)) return false
    const lower = lowerRecord(layer, handle)
    if (lower === null || (lower[ST.nlink] ?? 0) < 2) return false
    const metacopy =
      statType(record) === S_IFREG &&
      getxattrat(this.index, name, format.xattrs.metacopy, nothing) >= 0
    this.copies.add(lower, { dirfd: this.index, name, record, metacopy })
    return true
  }

  private lead(components: readonly string[]): void {
    let path = ''
    for (const name of components) {
      const names = this.leads.get(path) ?? new Set()
      this.leads.set(path, names.add(name))
      path = path === '' ? name : `${path}/${name}`
    }
  }
}

function openIndex(path: string): number {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0 && fd !== -E.ENOENT) throw new FsError(fd, 'open', path)
  return fd
}

function namesIn(index: number): string[] {
  const names: string[] = []
  const error = drain(index, name => names.push(name))
  if (error < 0) throw new FsError(error, 'getdents64', 'index')
  return names
}

/** The lower inode that a handle names; null for one that is gone with a layer. */
function lowerRecord(layer: number, handle: Buffer): Uint32Array | null {
  const fd = openHandle(layer, handle)
  if (fd === -E.ESTALE) return null
  if (fd < 0) throw new FsError(fd, 'open_by_handle_at', 'index')
  const record = statRecords(1)
  const error = statx(fd, '', AT_EMPTY_PATH, record, 0)
  close(fd)
  if (error < 0) throw new FsError(error, 'statx', 'index')
  return record
}
