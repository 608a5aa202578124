// What a tar archive says of one entry, whatever dialect it is written in. Names are bytes, one
// character a byte; nothing is normalized and nothing is believed: that is the reader's reader's.

export type TarType =
  'file' | 'link' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo'

/** A moment: whole seconds since 1970 (before it negative), and nanoseconds after them. */
export interface TarTime {
  readonly sec: number
  readonly nsec: number
}

/** A run of data in a sparse file. */
export interface SparseRun {
  /** Bytes from the file's start. */
  readonly offset: number
  readonly length: number
}

export interface TarHeader {
  readonly path: string
  readonly type: TarType
  /** Permission bits and set-id bits, without the type. */
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly uname: string
  readonly gname: string
  /** Bytes of the file as it is when unpacked; 0 for what has no contents. */
  readonly size: number
  readonly mtime: TarTime
  readonly atime?: TarTime
  readonly ctime?: TarTime
  /** Target of a symlink, or the other name of a hard link. */
  readonly linkname: string
  readonly devmajor: number
  readonly devminor: number
  /** By name in bytes (`SCHILY.xattr.`). */
  readonly xattrs: ReadonlyMap<string, Uint8Array>
  /** Of a sparse file: where its data goes, in order and apart. The rest is holes. */
  readonly sparse?: readonly SparseRun[]
  /** Where the contents begin in the stream. */
  readonly dataOffset: number
  /** Bytes of contents in the stream: less than `size` where the file is sparse. */
  readonly storedSize: number
}
