// Opens the root of an unpacked layer, which is read and nothing else.
import { FsError } from '../../errno/fs-error.js'
import { Layer } from '../../layer/layer.js'
import { AT_FDCWD, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../sys/constants.js'
import { openat2 } from '../../sys/file.js'

/** @param path a latin1 string of bytes. The layer is the caller's to close. Throws FsError. */
export function openLayerRoot(path: string): Layer {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', path)
  return new Layer(path, fd, -1)
}
