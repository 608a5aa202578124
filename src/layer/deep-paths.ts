// Places below a root at any depth: a path that is longer than the kernel takes (PATH_MAX) is
// followed through descriptors of directories on the way.
import { FsError } from '../errno/fs-error.js'
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  PATH_MAX,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'

/** What calls take: a name, or a path of several, below an open directory. */
export interface Reached {
  readonly dirfd: number
  readonly name: string
}

/** Directories that stay open: more than one path has on its way. */
const KEPT = 64
const BENEATH = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS

export class DeepPaths {
  /** By root and path, the one used last at the end. */
  private readonly open = new Map<string, number>()

  /**
   * Where calls reach a path below a root, until the next question. Throws FsError.
   * @param path real directories but for the last name, without a slash at its ends.
   */
  reach(root: number, path: string): Reached {
    let dirfd = root
    let start = 0
    while (path.length - start >= PATH_MAX) {
      const cut = path.lastIndexOf('/', start + PATH_MAX - 1)
      dirfd = this.directory(root, path, dirfd, start, cut)
      start = cut + 1
    }
    return { dirfd, name: start === 0 ? path : path.slice(start) }
  }

  close(): void {
    for (const fd of this.open.values()) close(fd)
    this.open.clear()
  }

  private directory(
    root: number,
    path: string,
    above: number,
    start: number,
    end: number,
  ): number {
    const key = `${root}:${path.slice(0, end)}`
    const known = this.open.get(key)
    this.open.delete(key)
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW
    const fd = known ?? openat2(above, path.slice(start, end), flags, 0, BENEATH)
    if (fd < 0) throw new FsError(fd, 'open', path.slice(0, end))
    this.open.set(key, fd)
    if (this.open.size > KEPT) this.dropOldest()
    return fd
  }

  private dropOldest(): void {
    const [oldest] = this.open
    if (oldest === undefined) return
    this.open.delete(oldest[0])
    close(oldest[1])
  }
}
