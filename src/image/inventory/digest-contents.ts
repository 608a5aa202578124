// The digest of a file's contents, or of a symlink's target, as it lies on the disk. Of a file with
// holes only the blocks that hold something are read: where the holes are is the disk's affair, and
// the digest is the same on every disk.
import { createHash } from 'node:crypto'
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { PATH_MAX, SEEK_DATA, SEEK_HOLE } from '../../sys/constants.js'
import { lseek, pread } from '../../sys/file.js'
import { readlinkat } from '../../sys/inode.js'

/** Bytes read at a time; a caller may do something else in between. */
const PIECE = 1024 * 1024
const BLOCK = 64 * 1024

const target = Buffer.alloc(PATH_MAX)
const zeros = Buffer.alloc(BLOCK)

/** SHA-256 of a symlink's target. Throws FsError. */
export function digestOfTarget(dirfd: number, name: string): Buffer {
  const length = readlinkat(dirfd, name, target, 0)
  if (length < 0) throw new FsError(length, 'readlink', name)
  return createHash('sha256').update(target.subarray(0, length)).digest()
}

/** SHA-256 of an open file, yielding between pieces. Throws FsError. */
export function* digestOfFile(
  fd: number,
  size: number,
  byBlocks: boolean,
): Generator<undefined, Buffer> {
  const hash = createHash('sha256')
  const buffer = Buffer.allocUnsafe(Math.min(PIECE, Math.max(size, 1)))
  const place = Buffer.alloc(8)
  for (let at = 0; at < size;) {
    if (byBlocks) {
      const [start, end] = nextData(fd, at, size)
      if (start >= size) break
      if (start > at) at = start
      const length = readFull(fd, buffer, Math.min(PIECE, end - at), at)
      for (let i = 0; i < length; i += BLOCK) {
        const block = buffer.subarray(i, Math.min(i + BLOCK, length))
        if (block.equals(zeros.subarray(0, block.length))) continue
        place.writeBigUInt64LE(BigInt(at + i))
        hash.update(place).update(block)
      }
      at += Math.max(length, 1)
    } else {
      const length = readFull(fd, buffer, buffer.length, at)
      if (length === 0) break
      hash.update(buffer.subarray(0, length))
      at += length
    }
    yield
  }
  return hash.digest()
}

/** Where the next data is, whole blocks of it; from and to the file's size where there is none. */
function nextData(fd: number, from: number, size: number): readonly [number, number] {
  const start = lseek(fd, from, SEEK_DATA)
  if (start === -E.ENXIO) return [size, size]
  // A filesystem that knows no holes.
  if (start === -E.EINVAL || start === -E.EOPNOTSUPP) return [from, size]
  if (start < 0) throw new FsError(start, 'lseek')
  const end = lseek(fd, start, SEEK_HOLE)
  if (end < 0) throw new FsError(end, 'lseek')
  const first = Math.max(Math.floor(start / BLOCK) * BLOCK, from)
  return [first, Math.min(Math.ceil(end / BLOCK) * BLOCK, size)]
}

/** `length` bytes, fewer only at the end of the file. */
function readFull(fd: number, buffer: Buffer, length: number, position: number): number {
  let done = 0
  while (done < length) {
    const count = pread(fd, buffer, done, length - done, position + done)
    if (count < 0) throw new FsError(count, 'read')
    if (count === 0) break
    done += count
  }
  return done
}

/** Runs to the end without a pause. */
export function finished<Result>(steps: Generator<undefined, Result>): Result {
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}
