// Of what kind the filesystem is that a folder lies on.
import { FsError } from '../../errno/fs-error.js'
import { filesystemType } from '../../layer/filesystem-type.js'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'

/** Its magic number (statfs(2)). @throws FsError */
export function filesystemOf(path: string): number {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  const type = filesystemType(fd)
  close(fd)
  if (type < 0) throw new FsError(type, 'statfs', path)
  return type
}
