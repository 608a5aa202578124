// A file that an image is mounted from: an archive, or a blob of a layout's folder.
import { FileSource, identityOfFile } from '../../layer/archive-layer/tar-place.js'
import { FsError } from '../../errno/fs-error.js'
import { AT_FDCWD, O_RDONLY } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import * as fs from 'node:fs'

export interface IndexedFile {
  /** Absolute, links resolved, bytes. */
  readonly path: string
  readonly fd: number
  /** What tells it from another file of that path, and from itself once it was changed. */
  readonly identity: string
  readonly source: FileSource
}

/** Opens a file; whoever does closes `fd`. Throws FsError. */
export function openIndexedFile(path: string): IndexedFile {
  const fd = openat2(AT_FDCWD, path, O_RDONLY, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  try {
    const resolved = fs.readlinkSync(`/proc/self/fd/${fd}`, 'latin1')
    const { size } = fs.fstatSync(fd)
    return {
      path: resolved,
      fd,
      identity: identityOfFile(fd),
      source: new FileSource(fd, size),
    }
  } catch (error) {
    close(fd)
    throw error
  }
}
