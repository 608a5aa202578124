// Directories that are open, on mounts that change. The kernel keeps one listing for a directory,
// which whoever reads on fills, and looks whether it is out of date only at its beginning
// (fuse_readdir_cached): a reader in the middle of an up-to-date listing goes on in one that another
// has begun before a name was made. So only one at a time, who has the directory open alone, fills
// and reads what is kept; all others ask.
import { FOPEN } from '../fuse/abi/flags.js'
import type { Directory } from './node.js'

export class OpenDirectories {
  /** By number: RELEASEDIR may come after FORGET of its node. */
  private readonly handles: (Directory | null)[] = [null]
  private readonly free: number[] = []

  /** Returns the handle. */
  open(dir: Directory): number {
    dir.opens++
    const fh = this.free.pop() ?? this.handles.length
    this.handles[fh] = dir
    return fh
  }

  /** FOPEN_ flags for who opens a directory next. */
  flagsFor(dir: Directory): number {
    return FOPEN.KEEP_CACHE | (dir.opens === 0 ? FOPEN.CACHE_DIR : 0)
  }

  close(fh: number): void {
    const dir = this.handles[fh]
    if (dir === null || dir === undefined) return
    this.handles[fh] = null
    this.free.push(fh)
    dir.opens--
  }
}
