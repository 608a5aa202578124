// What one directory of an upper layer says in the spelling of its format, told in words: objects
// with what the overlay has noted of them, and names that are hidden below.
import { FsError } from '../errno/fs-error.js'
import { AT_SYMLINK_NOFOLLOW } from '../sys/constants.js'
import { statx } from '../sys/inode.js'
import { isDirectory, isRegular, statRecords } from '../sys/stat.js'
import { getxattrat } from '../sys/xattr.js'
import type { FdCache } from './fd-cache.js'
import { hiddenBy, isDotName, type LayerFormat } from './format.js'
import type { LayerDirectory } from './layer-directory.js'
import { opaqueValue } from './opaque.js'
import { readDirectory } from './read-directory.js'
import { isDeviceWhiteout, isXattrWhiteout } from './whiteout.js'

export interface UpperObject {
  readonly name: string
  /** Its stat record, as it is on the disk. */
  readonly record: Uint32Array
  /** A directory that shows nothing of the layers below. */
  readonly opaque: boolean
  /** Where its lower part is: a name beside it, or a path from the root. */
  readonly redirect: string | null
  /** A file whose data is in a layer below. */
  readonly metacopy: boolean
}

export interface UpperListing {
  readonly objects: ReadonlyMap<string, UpperObject>
  /** Names that the layers below may not show. */
  readonly whiteouts: ReadonlySet<string>
}

const nothing = new Uint8Array(0)
const value = Buffer.alloc(4096)

/** Reads a directory of an upper layer. Throws FsError. */
export function readUpper(
  directory: LayerDirectory,
  cache: FdCache,
  format: LayerFormat,
): UpperListing {
  const names: string[] = []
  const error = readDirectory(directory, cache, name => names.push(name))
  if (error < 0) throw new FsError(error, 'getdents64', directory.path())
  const objects = new Map<string, UpperObject>()
  const whiteouts = new Set<string>()
  const fd = directory.mustOpen(cache)
  for (const name of names) {
    if (format.dotWhiteouts && isDotName(name)) {
      const hidden = hiddenBy(name)
      if (hidden !== null) whiteouts.add(hidden)
      continue
    }
    const record = statRecords(1)
    const found = statx(fd, name, AT_SYMLINK_NOFOLLOW, record, 0)
    if (found < 0) throw new FsError(found, 'statx', `${directory.path()}/${name}`)
    if (isDeviceWhiteout(record) || isXattrWhiteout(fd, name, record, format))
      whiteouts.add(name)
    else objects.set(name, describe(fd, name, record, format))
  }
  return { objects, whiteouts }
}

function describe(
  fd: number,
  name: string,
  record: Uint32Array,
  format: LayerFormat,
): UpperObject {
  const opaque = isDirectory(record) && opaqueValue(fd, name, format) === 'y'
  const mayLead = format.redirects && (isDirectory(record) || isRegular(record))
  const length = mayLead ? getxattrat(fd, name, format.xattrs.redirect, value) : -1
  const metacopy =
    mayLead &&
    isRegular(record) &&
    getxattrat(fd, name, format.xattrs.metacopy, nothing) >= 0
  const redirect = length > 0 ? value.latin1Slice(0, length) : null
  return { name, record, opaque, redirect, metacopy }
}
