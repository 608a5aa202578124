// Reads the whole of one directory of one layer: names as bytes, types, inode numbers.
import { E } from '../errno/errno.js'
import { O_DIRECTORY, O_RDONLY, SEEK_SET } from '../sys/constants.js'
import { getdents64 } from '../sys/dir.js'
import { close, lseek, openat2 } from '../sys/file.js'
import type { FdCache } from './fd-cache.js'
import type { LayerDirectory } from './layer-directory.js'

const buffer = Buffer.alloc(64 * 1024)
/** struct linux_dirent64: d_ino 0, d_off 8, d_reclen 16, d_type 18, d_name 19. */
const RECLEN = 16
const TYPE = 18
const NAME = 19

/** Called for each entry but `.` and `..`; `type` is a DT_ number. */
export type EntryVisitor = (
  name: string,
  type: number,
  inoLow: number,
  inoHigh: number,
) => void

/** Visits every entry of a layer's directory. Returns 0 or -errno; the order is the disk's. */
export function readDirectory(
  dir: LayerDirectory,
  cache: FdCache,
  visit: EntryVisitor,
): number {
  const fd = dir.open(cache)
  if (fd < 0) return fd
  if (dir.pathOnly) return readThrough(fd, visit)
  return lseek(fd, 0, SEEK_SET) < 0 ? readThrough(fd, visit) : drain(fd, visit)
}

/** A descriptor that only names the directory: one that can list is opened for the moment. */
function readThrough(pathFd: number, visit: EntryVisitor): number {
  const fd = openat2(pathFd, '.', O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) return fd
  const result = drain(fd, visit)
  close(fd)
  return result
}

function drain(fd: number, visit: EntryVisitor): number {
  for (;;) {
    const bytes = getdents64(fd, buffer, 0)
    if (bytes === -E.ENOENT) return 0
    if (bytes <= 0) return bytes
    for (let at = 0; at < bytes; at += buffer.readUInt16LE(at + RECLEN))
      visitRecord(at, visit)
  }
}

function visitRecord(at: number, visit: EntryVisitor): void {
  const start = at + NAME
  const end = buffer.indexOf(0, start)
  if (
    buffer[start] === 0x2e &&
    (end === start + 1 || (end === start + 2 && buffer[start + 1] === 0x2e))
  )
    return
  visit(
    buffer.latin1Slice(start, end),
    buffer[at + TYPE] ?? 0,
    buffer.readUInt32LE(at),
    buffer.readUInt32LE(at + 4),
  )
}
