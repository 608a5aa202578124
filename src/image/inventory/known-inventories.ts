// The first parts of inventories that were read and found whole, kept for as long as their files are
// the same: a process that checks layers again and again reads and hashes each once.
import { AT_FDCWD, AT_SYMLINK_NOFOLLOW } from '../../sys/constants.js'
import { statx } from '../../sys/inode.js'
import { ST, statRecords } from '../../sys/stat.js'
import { Inventory } from './inventory.js'

/** Bytes of all that are kept. */
const MOST = 16 * 1024 * 1024
/** What changes with any change of a file: nobody can set a change time. */
const TELLING = [
  ...[ST.ino, ST.ino + 1, ST.dev, ST.size, ST.size + 1],
  ...[ST.ctime, ST.ctime + 1, ST.ctimeNsec],
]

interface Known {
  readonly stamp: string
  readonly bytes: Buffer
}

/** By path, the one that was asked for last at the end. */
const known = new Map<string, Known>()
let kept = 0

/**
 * As Inventory.read, without digests.
 * @param path a latin1 string of bytes.
 * @throws FsError
 */
export function knownInventory(path: string): Inventory | 'absent' | 'damaged' {
  // What is read is that or something newer, which is read again then.
  const stamp = stampOf(path)
  const found = known.get(path)
  if (found !== undefined) forget(path, found)
  if (found?.stamp === stamp) {
    keep(path, found)
    return Inventory.of(found.bytes, Buffer.alloc(0))
  }
  const read = Inventory.read(path, false)
  if (typeof read === 'object' && stamp !== null) keep(path, { stamp, bytes: read.bytes })
  return read
}

function stampOf(path: string): string | null {
  const record = statRecords(1)
  if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, record, 0) < 0) return null
  return TELLING.map(word => record[word]).join(' ')
}

function keep(path: string, one: Known): void {
  known.set(path, one)
  kept += one.bytes.length
  for (const [oldest, other] of known) {
    if (kept <= MOST) return
    forget(oldest, other)
  }
}

function forget(path: string, { bytes }: Known): void {
  known.delete(path)
  kept -= bytes.length
}
