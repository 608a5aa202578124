// Digests of the files of a layer that is being unpacked, by inode, so that a file with several
// names has one. Taken from the contents as they go by; what is not in here is read from the disk
// when the inventory is made.
import * as crypto from 'node:crypto'
import { AT_EMPTY_PATH } from '../../sys/constants.js'
import { FsError } from '../../errno/fs-error.js'
import { statx } from '../../sys/inode.js'
import { ST, statNumber, statRecords } from '../../sys/stat.js'
import { DIGEST_BYTES } from './layout.js'

const record = statRecords(1)

/** SHA-256 of bytes that are at hand as a whole: in one call where Node has it (20.12). */
export const sha256: (bytes: Uint8Array) => Buffer =
  'hash' in crypto
    ? bytes => crypto.hash('sha256', bytes, 'buffer')
    : bytes => crypto.createHash('sha256').update(bytes).digest()

export class ContentDigests {
  /** Inode numbers to places in `values`. Larger ones than numbers hold exactly have none. */
  private readonly places = new Map<number, number>()
  private values = Buffer.alloc(DIGEST_BYTES << 8)
  private used = 0

  /** Notes the digest of what an open file has been filled with. Throws FsError. */
  add(fd: number, digest: Uint8Array): void {
    const ino = inodeOf(fd)
    if (ino !== null) this.put(ino, digest)
  }

  /** An open file has other contents than an inode of its number had before. Throws FsError. */
  forget(fd: number): void {
    const ino = inodeOf(fd)
    if (ino !== null) this.places.delete(ino)
  }

  /** The digest of the file of a stat record. */
  find(records: Uint32Array, at: number): Buffer | undefined {
    const place = this.places.get(statNumber(records, ST.ino, at))
    return place === undefined
      ? undefined
      : this.values.subarray(place, place + DIGEST_BYTES)
  }

  private put(ino: number, digest: Uint8Array): void {
    let place = this.places.get(ino)
    if (place === undefined) {
      place = this.used
      this.used += DIGEST_BYTES
      this.places.set(ino, place)
      if (place === this.values.length)
        this.values = Buffer.concat([this.values, Buffer.alloc(this.values.length)])
    }
    this.values.set(digest, place)
  }
}

function inodeOf(fd: number): number | null {
  const error = statx(fd, '', AT_EMPTY_PATH, record, 0)
  if (error < 0) throw new FsError(error, 'statx')
  const ino = statNumber(record, ST.ino)
  return Number.isSafeInteger(ino) ? ino : null
}
