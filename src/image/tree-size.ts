// What a tree takes on the disk.
import { FsError } from '../errno/fs-error.js'
import { statxBatch } from '../sys/inode.js'
import { isDirectory, ST, STAT_WORDS, statNumber, statRecords } from '../sys/stat.js'
import { DirectoryNames } from './inventory/directory-names.js'
import { LayerWalk } from './inventory/layer-walk.js'
import { openLayerRoot } from './inventory/open-layer-root.js'

const BATCH = 256
/** What `st_blocks` counts in. */
const SECTOR = 512

/** Bytes of the blocks of all that is below a directory. @throws FsError. */
export function treeSize(path: string): number {
  const root = openLayerRoot(path)
  const walk = new LayerWalk(root.rootFd)
  const names = new DirectoryNames()
  const records = statRecords(BATCH)
  let blocks = 0
  try {
    while (walk.next()) {
      names.read(walk.fd)
      for (let first = 0; first < names.count; first += BATCH) {
        const count = Math.min(BATCH, names.count - first)
        statxBatch(walk.fd, names.bytes, names.offsets, first, count, records)
        for (let k = 0; k < count; k++) {
          const at = k * STAT_WORDS
          const error = records[at] ?? 0
          if (records[at + ST.mask] === 0)
            throw new FsError(error, 'statx', names.name(first + k))
          blocks += statNumber(records, ST.blocks, at)
          if (isDirectory(records, at)) walk.note(names.name(first + k))
        }
      }
    }
  } finally {
    walk.close()
    root.close()
  }
  return blocks * SECTOR
}
