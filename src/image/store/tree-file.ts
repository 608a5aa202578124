// The file layers/HEX/tree: what the layers of an image whose topmost one is HEX show together, as a
// mount has recorded it; what it says is the mount's affair. It holds 32 bytes that say which layers
// it was made of, as they were recorded, the contents, and the SHA-256 of both. A file that is cut
// off, damaged, or of other layers is none: it is made anew.
import { createHash } from 'node:crypto'
import * as fs from 'node:fs'
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  AT_FDCWD,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  SEEK_END,
} from '../../sys/constants.js'
import { close, lseek, openat2, pread, pwrite } from '../../sys/file.js'
import { renameat2, unlinkat } from '../../sys/inode.js'
import { temporaryOf } from './replace-file.js'

/** Where a tree is, and which one is asked for. Paths are latin1 strings of bytes. */
export interface TreeFile {
  readonly path: string
  /** Where it is written before it is whole. */
  readonly incoming: string
  /** KEY_BYTES that say what it has to be made of. */
  readonly key: Uint8Array
}

export const KEY_BYTES = 32
const SEAL_BYTES = 32

/** The contents, from a whole word on; null where there is no such tree. Throws FsError. */
export function readTree({ path, key }: TreeFile): Uint8Array | null {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0, 0)
  if (fd === -E.ENOENT) return null
  if (fd < 0) throw new FsError(fd, 'open', path)
  try {
    const length = lseek(fd, 0, SEEK_END)
    if (length < KEY_BYTES + SEAL_BYTES) return null
    const bytes = Buffer.allocUnsafeSlow(length)
    if (!fill(fd, bytes) || !bytes.subarray(0, KEY_BYTES).equals(key)) return null
    const sealed = bytes.subarray(0, length - SEAL_BYTES)
    const seal = createHash('sha256').update(sealed).digest()
    return seal.equals(bytes.subarray(length - SEAL_BYTES))
      ? sealed.subarray(KEY_BYTES)
      : null
  } finally {
    close(fd)
  }
}

/** Whether there is a tree of these layers, by its beginning alone. */
export function isTreeThere({ path, key }: TreeFile): boolean {
  const fd = openat2(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW, 0, 0)
  if (fd < 0) return false
  const found = Buffer.alloc(KEY_BYTES)
  const isSame = fill(fd, found) && found.equals(key)
  close(fd)
  return isSame
}

/**
 * Makes a tree and publishes it by a rename. Room for it is asked for first: where nothing can be
 * written, nothing is made.
 * @throws FsError; the file is then as it was.
 */
export function writeTree(file: TreeFile, make: () => Uint8Array): Uint8Array {
  const incoming = temporaryOf(file.incoming)
  const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
  const fd = openat2(AT_FDCWD, incoming, flags, 0o600, 0)
  if (fd < 0) throw new FsError(fd, 'open', incoming)
  try {
    const contents = make()
    const seal = createHash('sha256').update(file.key).update(contents).digest()
    let at = 0
    for (const part of [file.key, contents, seal]) {
      writeAll(fd, part, at, incoming)
      at += part.length
    }
    const error = renameat2(AT_FDCWD, incoming, AT_FDCWD, file.path, 0)
    if (error < 0) throw new FsError(error, 'rename', file.path)
    return contents
  } catch (error) {
    unlinkat(AT_FDCWD, incoming, 0)
    throw error
  } finally {
    close(fd)
  }
}

/** Whether a tree, of whatever layers, is whole; null when there is none. Throws Node's error. */
export function isTreeWhole(path: Buffer): boolean | null {
  if (!fs.existsSync(path)) return null
  const bytes = fs.readFileSync(path)
  const sealed = bytes.subarray(0, Math.max(bytes.length - SEAL_BYTES, 0))
  const seal = createHash('sha256').update(sealed).digest()
  return sealed.length >= KEY_BYTES && seal.equals(bytes.subarray(sealed.length))
}

/** False where the file ends before the buffer does. */
function fill(fd: number, bytes: Uint8Array): boolean {
  for (let done = 0; done < bytes.length;) {
    const count = pread(fd, bytes, done, bytes.length - done, done)
    if (count < 0) throw new FsError(count, 'read')
    if (count === 0) return false
    done += count
  }
  return true
}

function writeAll(fd: number, bytes: Uint8Array, position: number, path: string): void {
  for (let done = 0; done < bytes.length;) {
    const count = pwrite(fd, bytes, done, bytes.length - done, position + done)
    if (count < 0) throw new FsError(count, 'write', path)
    done += count
  }
}
