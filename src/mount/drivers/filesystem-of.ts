// Of what kind the filesystem is that a folder lies on.
import { FsError } from '../../errno/fs-error.js'
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../../sys/constants.js'
import { close, fstatfs, openat2 } from '../../sys/file.js'

/** Word of fstatfs's record that holds f_type (native.ts). */
const F_TYPE = 14

/** Its magic number (statfs(2)). @throws FsError */
export function filesystemOf(path: string): number {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  const record = new Uint32Array(18)
  const result = fstatfs(fd, record)
  close(fd)
  if (result < 0) throw new FsError(result, 'statfs', path)
  return record[F_TYPE] ?? 0
}
