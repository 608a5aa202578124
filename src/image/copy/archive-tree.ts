// A file or a directory with all that is below it as a tar, while others may change it: what is gone
// when its turn comes is left out, and no link is followed on the way.
import { batched } from '../../bytes/batched.js'
import type { ByteSource } from '../../bytes/byte-source.js'
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { ST, statBigInt, statRecords } from '../../sys/stat.js'
import { TarWriter } from '../../tar/writer.js'
import { describeObject } from '../diff/describe-object.js'
import { packFile } from '../diff/file-contents.js'
import { listNames } from '../store/list-names.js'

const BATCH = 256 * 1024

/** Attributes that mean the same elsewhere; labels and lists of owners do not. */
const COPIED = /^(user\.|security\.capability$)/

/**
 * @param parent descriptor of the directory that it is in.
 * @param as what it is called in the archive; '.' for a directory of which the content is meant.
 * @throws FsError, or ImageError `conflict` for a file that is cut while it is read.
 */
export function archiveOf(parent: number, name: string, as: string): ByteSource {
  return batched(pieces(parent, name, as), BATCH)
}

// The shape asks for an async generator; nothing in it waits for more than the disk.
// eslint-disable-next-line @typescript-eslint/require-await
async function* pieces(parent: number, name: string, as: string): ByteSource {
  const walk = new Walk()
  yield* walk.object(parent, name, as)
  yield walk.writer.end()
}

class Walk {
  readonly writer = new TarWriter()
  /** First names of files that have several, by device and inode. */
  private readonly linked = new Map<string, string>()

  private firstName(record: Uint32Array, path: string): string | undefined {
    if ((record[ST.nlink] ?? 1) < 2) return undefined
    const key = `${statBigInt(record, ST.dev)}:${statBigInt(record, ST.ino)}`
    const first = this.linked.get(key)
    if (first === undefined) this.linked.set(key, path)
    return first
  }

  *object(dirfd: number, name: string, path: string): Generator<Uint8Array> {
    const record = statRecords(1)
    const result = statx(dirfd, name, AT_SYMLINK_NOFOLLOW, record, 0)
    if (result === -E.ENOENT) return
    if (result < 0) throw new FsError(result, 'stat', path)
    const found = describeObject({ dirfd, name, record, override: null }, path, null)
    if (found === undefined) return
    const xattrs = new Map([...found.xattrs].filter(([one]) => COPIED.test(one)))
    const entry = { ...found, xattrs }
    const first = entry.type === 'directory' ? undefined : this.firstName(record, path)
    if (first !== undefined) {
      const link = { type: 'link', size: 0, xattrs: new Map(), linkname: first } as const
      yield this.writer.header({ ...entry, ...link })
    } else if (entry.type === 'file') yield* packFile(this.writer, entry, dirfd, name)
    else yield this.writer.header(entry)
    if (entry.type === 'directory') yield* this.below(dirfd, name, path)
  }

  private *below(dirfd: number, name: string, path: string): Generator<Uint8Array> {
    const how = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
    const fd = openat2(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, how)
    if (fd === -E.ENOENT) return
    if (fd < 0) throw new FsError(fd, 'open', path)
    try {
      for (const child of listNames(fd).sort())
        yield* this.object(fd, child, `${path}/${child}`)
    } finally {
      close(fd)
    }
  }
}
