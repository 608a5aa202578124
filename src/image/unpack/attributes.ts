// Extended attributes and times of what is unpacked. An attribute that the layer's format would
// obey is its author's data: it is stored escaped, or refused where there is no escape.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import type { LayerFormat } from '../../layer/format.js'
import { storesNames } from '../../layer/owner-override.js'
import { log } from '../../log/log.js'
import { AT_SYMLINK_NOFOLLOW } from '../../sys/constants.js'
import { utimensat } from '../../sys/inode.js'
import { ST, statSeconds } from '../../sys/stat.js'
import { getxattrat, listxattrat, setxattrat } from '../../sys/xattr.js'
import type { TarHeader, TarTime } from '../../tar/entry.js'
import { Refusal, shown } from '../../layer/refusal.js'

/** Set last: a change of owner or mode takes it away. */
const CAPABILITY = 'security.capability'
const XATTR_LIST_MAX = 65_536
const XATTR_VALUE_MAX = 65_536
/** Attributes that a process without privilege may not set, whatever it unpacks. */
const PRIVILEGED = /^(security|trusted|system)\./
const OVERRIDES = 'user.containers.override_'

const list = Buffer.alloc(XATTR_LIST_MAX)
const value = Buffer.alloc(XATTR_VALUE_MAX)

export class AttributeWriter {
  private readonly format: LayerFormat
  /** The attribute that holds owners; null where inodes do. */
  private readonly override: string | null
  private readonly told = new Set<string>()

  constructor(format: LayerFormat, override: string | null) {
    this.format = format
    this.override = override
  }

  /** Attributes from an archive. Raises Refusal, FsError. */
  write(dirfd: number, name: string, xattrs: ReadonlyMap<string, Uint8Array>): void {
    if (xattrs.size === 0) return
    for (const [attribute, bytes] of xattrs)
      if (attribute !== CAPABILITY) this.set(dirfd, name, attribute, bytes)
    const capability = xattrs.get(CAPABILITY)
    if (capability !== undefined) this.set(dirfd, name, CAPABILITY, capability)
  }

  /**
   * What an object of a lower layer has, but the overlay's own.
   * @param withOwner takes the attribute that stands for owner and mode along.
   * @throws FsError
   */
  copy(
    fromFd: number,
    from: string,
    dirfd: number,
    name: string,
    withOwner: boolean,
  ): void {
    const length = listxattrat(fromFd, from, list)
    if (length === -E.EOPNOTSUPP) return
    if (length < 0) throw new FsError(length, 'listxattr', from)
    const names = list.latin1Slice(0, Math.max(length - 1, 0)).split('\0')
    const ordered = names.toSorted((one, other) => weight(one) - weight(other))
    for (const attribute of ordered) {
      if (attribute === '') continue
      if (attribute === this.override ? !withOwner : this.isOwn(attribute)) continue
      const size = getxattrat(fromFd, from, attribute, value)
      if (size < 0) throw new FsError(size, 'getxattr', from)
      const error = setxattrat(dirfd, name, attribute, value.subarray(0, size), 0)
      if (error < 0) throw new FsError(error, `setxattr ${shown(attribute)}`, name)
    }
  }

  private isOwn(attribute: string): boolean {
    const stores = storesNames(this.override)
    return this.format.xattrs.fromDisk(attribute, stores) === null
  }

  private set(dirfd: number, name: string, attribute: string, bytes: Uint8Array): void {
    const stored = this.stored(attribute)
    const error = setxattrat(dirfd, name, stored, bytes, 0)
    if (error >= 0) return
    // Without privilege these cannot be had; an image without them is better than none, and the
    // user is told once.
    const isForbidden = error === -E.EPERM || error === -E.EOPNOTSUPP
    if (this.override !== null && isForbidden && PRIVILEGED.test(stored)) {
      if (this.told.has(stored)) return
      this.told.add(stored)
      log.warn(`without privilege the attribute ${shown(stored)} is left out`)
      return
    }
    throw new FsError(error, `setxattr ${shown(stored)}`, name)
  }

  /** The name on disk. Raises Refusal where the format has no place for it. */
  private stored(attribute: string): string {
    const stores = storesNames(this.override)
    const { xattrs } = this.format
    const stored = xattrs.toDisk(attribute, stores)
    // The kernel's formats escape their own prefix alone, and owners are kept under another.
    const clashes =
      this.override !== null && xattrs.isKernel && attribute.startsWith(OVERRIDES)
    if (stored === null || clashes)
      throw new Refusal(
        'unsupported',
        `this store cannot hold an attribute ${shown(attribute)} as data`,
      )
    return stored
  }
}

function weight(attribute: string): number {
  return attribute === CAPABILITY ? 1 : 0
}

/** Sets the times of an entry; one without an access time gets the modification's. */
export function writeTimes(dirfd: number, name: string, header: TarHeader): void {
  setTimes(dirfd, name, header.atime ?? header.mtime, header.mtime)
}

/** Sets the times that a stat record has. */
export function copyTimes(dirfd: number, name: string, record: Uint32Array): void {
  const time = (seconds: number, nanoseconds: number): TarTime => ({
    sec: statSeconds(record, seconds),
    nsec: record[nanoseconds] ?? 0,
  })
  const atime = time(ST.atime, ST.atimeNsec)
  setTimes(dirfd, name, atime, time(ST.mtime, ST.mtimeNsec))
}

export function setTimes(
  dirfd: number,
  name: string,
  atime: TarTime,
  mtime: TarTime,
): void {
  const error = utimensat(
    dirfd,
    name,
    atime.sec,
    atime.nsec,
    mtime.sec,
    mtime.nsec,
    AT_SYMLINK_NOFOLLOW,
  )
  if (error < 0) throw new FsError(error, 'utimensat', name)
}
