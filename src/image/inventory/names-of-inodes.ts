// Every name that a layer has of some of its inodes: one pass over its directories, without a look
// at what lies in them.
import { FsError } from '../../errno/fs-error.js'
import type { Components } from '../../layer/entry-name.js'
import { drainRecords } from '../../layer/read-directory.js'
import { AT_SYMLINK_NOFOLLOW, S_IFDIR } from '../../sys/constants.js'
import { statx } from '../../sys/inode.js'
import { isDirectory, ST, statRecords } from '../../sys/stat.js'
import { LayerWalk } from './layer-walk.js'

const DT_UNKNOWN = 0
const DT_DIR = S_IFDIR >>> 12

const record = statRecords(1)

export interface NameOfInode<What> {
  readonly components: Components
  readonly what: What
}

/** By inode number. Of numbers as wide as 64 bits all are kept. */
export class Inodes<What> {
  private readonly byLow = new Map<number, Map<number, What>>()

  /** @param stat a stat record of the inode. */
  add(stat: Uint32Array, what: What): void {
    const low = stat[ST.ino] ?? 0
    const highs = this.byLow.get(low) ?? new Map<number, What>()
    this.byLow.set(low, highs.set(stat[ST.ino + 1] ?? 0, what))
  }

  find(low: number, high: number): What | undefined {
    return this.byLow.get(low)?.get(high)
  }
}

/** @param layer a descriptor of the layer's root, which stays the caller's. Throws FsError. */
export function namesOfInodes<What>(
  layer: number,
  wanted: Inodes<What>,
): NameOfInode<What>[] {
  const found: NameOfInode<What>[] = []
  const walk = new LayerWalk(layer)
  try {
    while (walk.next()) {
      const { fd } = walk
      const error = drainRecords(fd, (bytes, start, end, type, inoLow, inoHigh) => {
        const what = wanted.find(inoLow, inoHigh)
        if (what === undefined && type !== DT_DIR && type !== DT_UNKNOWN) return
        const name = bytes.latin1Slice(start, end)
        if (isFolder(fd, name, type)) walk.note(name)
        else if (what !== undefined)
          found.push({ components: walk.path(name).split('/').slice(1), what })
      })
      if (error < 0) throw new FsError(error, 'getdents64')
    }
  } finally {
    walk.close()
  }
  return found
}

function isFolder(dirfd: number, name: string, type: number): boolean {
  if (type !== DT_UNKNOWN) return type === DT_DIR
  return statx(dirfd, name, AT_SYMLINK_NOFOLLOW, record, 0) === 0 && isDirectory(record)
}
