// Members of the archives that are written: plain files and folders of nobody and of no time, so
// that the same images give the same bytes.
import type { ByteSource } from '../../bytes/byte-source.js'
import type { TarEntry, TarWriter } from '../../tar/writer.js'

/** One file. @throws RangeError when the contents have another size. */
export async function* fileMember(
  tar: TarWriter,
  path: string,
  size: number,
  contents: ByteSource,
): ByteSource {
  yield tar.header(entry(path, 'file', 0o644, size))
  for await (const piece of contents) yield tar.data(piece)
}

export function folderMember(tar: TarWriter, path: string): Uint8Array {
  return tar.header(entry(`${path}/`, 'directory', 0o755, 0))
}

function entry(
  path: string,
  type: 'file' | 'directory',
  mode: number,
  size: number,
): TarEntry {
  return {
    path,
    type,
    mode,
    uid: 0,
    gid: 0,
    uname: '',
    gname: '',
    size,
    mtime: { sec: 0, nsec: 0 },
    linkname: '',
    devmajor: 0,
    devminor: 0,
    xattrs: new Map(),
  }
}
