// Walks through the directories of a layer, each after the one that holds it, the last one that was
// noted first. Keeps a descriptor of each directory above the current one; of trees that are deeper
// than any should be, those near the root alone.
import { FsError } from '../../errno/fs-error.js'
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'

/** Levels that keep their descriptors. */
const KEPT = 256
const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW

export class LayerWalk {
  /** Of the current directory; -1 for one that is only in its turn. */
  fd = -1
  private depth = -1
  private readonly root: number
  /** By level, from the root at 0. */
  private readonly fds: number[] = []
  private readonly names: string[] = []
  /** What comes, the last one first: names, null for none, and their levels. */
  private readonly pending: (string | null)[] = ['.']
  private readonly levels: number[] = [0]

  /** @param root a descriptor of the layer's root, which stays the caller's. */
  constructor(root: number) {
    this.root = root
  }

  /** Notes a directory of the current one; null for a turn without one. */
  note(name: string | null): void {
    this.pending.push(name)
    this.levels.push(this.depth + 1)
  }

  /** Goes to the next directory; false when there is none. Throws FsError. */
  next(): boolean {
    const name = this.pending.pop()
    const level = this.levels.pop()
    if (name === undefined || level === undefined) return false
    this.depth = level
    if (name === null) this.fd = -1
    else {
      for (let i = level; i < this.fds.length; i++) this.drop(i)
      this.fds.length = level
      this.names[level] = name
      this.fd = this.open(level)
    }
    return true
  }

  /** Of a name in the current directory, from the layer's root. */
  path(name: string): string {
    return ['', ...this.names.slice(1, this.depth + 1), name].join('/')
  }

  close(): void {
    for (let i = 0; i < this.fds.length; i++) this.drop(i)
    this.fds.length = 0
  }

  private open(level: number): number {
    const known = this.fds[level] ?? -1
    if (known >= 0) return known
    const above = level === 0 ? this.root : this.open(level - 1)
    const name = this.names[level] ?? ''
    const fd = openat2(above, name, DIRECTORY, 0, 0)
    if (level - 1 > KEPT) this.drop(level - 1)
    if (fd < 0) throw new FsError(fd, 'open', name)
    return (this.fds[level] = fd)
  }

  private drop(level: number): void {
    const fd = this.fds[level] ?? -1
    if (fd >= 0) close(fd)
    this.fds[level] = -1
  }
}
