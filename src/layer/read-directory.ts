// Reads the whole of one directory of one layer: names as bytes, types, inode numbers.
import { E } from '../errno/errno.js'
import { O_DIRECTORY, O_RDONLY, SEEK_SET } from '../sys/constants.js'
import { getdents64 } from '../sys/dir.js'
import { close, lseek, openat2 } from '../sys/file.js'
import type { FdCache } from './fd-cache.js'
import type { LayerDirectory } from './layer-directory.js'
import { isArchived, readArchived } from './object-calls.js'

const memory = new ArrayBuffer(64 * 1024)
const buffer = Buffer.from(memory)
const halves = new Uint16Array(memory)
const words = new Uint32Array(memory)
const DOT = 0x2e
/** struct linux_dirent64: d_ino 0, d_off 8, d_reclen 16, d_type 18, d_name 19. */
const RECLEN = 16
const TYPE = 18
const NAME = 19

/** Called for each entry but `.` and `..`; `type` is a DT_ number. */
export type EntryVisitor = (name: string, type: number) => void

/** The same without a string: the name lies in `bytes` from `start` to `end` during the call. */
export type RecordVisitor = (
  bytes: Buffer,
  start: number,
  end: number,
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
  return readRecords(dir, cache, (bytes, start, end, type) => {
    visit(bytes.latin1Slice(start, end), type)
  })
}

/** Visits the rest of an open directory. Returns 0 or -errno. */
export function drain(fd: number, visit: EntryVisitor): number {
  return drainRecords(fd, (_bytes, start, end, type) => {
    visit(buffer.latin1Slice(start, end), type)
  })
}

/** Whether a layer's directory holds nothing at all, not even whiteouts. */
export function isEmptyDirectory(dir: LayerDirectory, cache: FdCache): boolean {
  let entries = 0
  const error = readRecords(dir, cache, () => {
    entries++
  })
  return error >= 0 && entries === 0
}

/** `readDirectory` for those who need no strings. The visitor reads no directory itself. */
export function readRecords(
  dir: LayerDirectory,
  cache: FdCache,
  visit: RecordVisitor,
): number {
  const fd = dir.open(cache)
  if (fd < 0) return fd
  if (isArchived(fd)) return readArchived(fd, visit)
  if (dir.pathOnly) return readThrough(fd, visit)
  // Also where nothing was read yet: on btrfs an open directory lists what it held when it was
  // opened or last rewound (btrfs_get_dir_last_index).
  const ready = lseek(fd, 0, SEEK_SET)
  return ready < 0 ? readThrough(fd, visit) : drainRecords(fd, visit)
}

/** A descriptor that only names the directory: one that can list is opened for the moment. */
function readThrough(pathFd: number, visit: RecordVisitor): number {
  const fd = openat2(pathFd, '.', O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd < 0) return fd
  const result = drainRecords(fd, visit)
  close(fd)
  return result
}

/** The rest of an open directory for those who need no strings. Returns 0 or -errno. */
export function drainRecords(fd: number, visit: RecordVisitor): number {
  for (;;) {
    const bytes = getdents64(fd, buffer, 0)
    if (bytes === -E.ENOENT) return 0
    if (bytes <= 0) return bytes
    for (let at = 0; at < bytes; at += halves[(at + RECLEN) >>> 1] ?? bytes)
      visitRecord(at, visit)
  }
}

function visitRecord(at: number, visit: RecordVisitor): void {
  const start = at + NAME
  let end = start
  while ((buffer[end] ?? 0) !== 0) end++
  if (buffer[start] === DOT && end - start < 3)
    if (end - start === 1 || buffer[start + 1] === DOT) return
  const word = at >>> 2
  visit(
    buffer,
    start,
    end,
    buffer[at + TYPE] ?? 0,
    words[word] ?? 0,
    words[word + 1] ?? 0,
  )
}
