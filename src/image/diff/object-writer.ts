// Objects of a disk as entries of a tar: what they are, what is in them, names of one file as links.
import { dotWhiteout, type LayerFormat, OPAQUE_SENTINEL } from '../../layer/format.js'
import type { Reached } from '../../layer/deep-paths.js'
import { ST, statBigInt } from '../../sys/stat.js'
import { type TarEntry, TarWriter } from '../../tar/writer.js'
import { describeObject, type DiskObject } from './describe-object.js'
import { packFile } from './file-contents.js'

/** Its methods yield the pieces of the archive, in the order in which they are called. */
export class ObjectWriter {
  private readonly writer = new TarWriter()
  private readonly format: LayerFormat | null
  /** First names of files that have several, by device and inode. */
  private readonly linked = new Map<string, string>()

  /** @param format of what is written; null for trees that keep nothing of their own. */
  constructor(format: LayerFormat | null) {
    this.format = format
  }

  /**
   * One object, with its contents.
   * @param data where they are, when they are not its own.
   * @throws FsError, or ImageError `conflict` for a cut file.
   */
  *object(disk: DiskObject, path: string, data?: () => Reached): Generator<Uint8Array> {
    const entry = describeObject(disk, path, this.format)
    if (entry === undefined) return
    const first = entry.type === 'directory' ? undefined : this.firstName(disk, path)
    if (first !== undefined)
      yield this.writer.header({ ...entry, ...LINK, linkname: first })
    else if (entry.type !== 'file') yield this.writer.header(entry)
    else {
      const { dirfd, name } = data === undefined ? disk : data()
      yield* packFile(this.writer, entry, dirfd, name)
    }
  }

  /** What hides a name in a directory ('' for the root) of the layers below. */
  whiteout(directory: string, name: string): Uint8Array {
    return this.marker(directory, dotWhiteout(name))
  }

  /** What hides all that the layers below have in a directory. */
  opaque(directory: string): Uint8Array {
    return this.marker(directory, OPAQUE_SENTINEL)
  }

  end(): Uint8Array {
    return this.writer.end()
  }

  /** The name under which a file with several names has been written already. */
  private firstName({ record }: DiskObject, path: string): string | undefined {
    if ((record[ST.nlink] ?? 1) < 2) return undefined
    const key = `${statBigInt(record, ST.dev)}:${statBigInt(record, ST.ino)}`
    const first = this.linked.get(key)
    if (first === undefined) this.linked.set(key, path)
    return first
  }

  private marker(directory: string, name: string): Uint8Array {
    const path = directory === '' ? name : `${directory}/${name}`
    return this.writer.header({ ...MARKER, path })
  }
}

/** What another name of a file says of itself. */
const LINK = { type: 'link', size: 0, xattrs: new Map<string, Uint8Array>() } as const

const MARKER: Omit<TarEntry, 'path'> = {
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  uname: '',
  gname: '',
  size: 0,
  mtime: { sec: 0, nsec: 0 },
  linkname: '',
  devmajor: 0,
  devminor: 0,
  xattrs: new Map(),
}
