// Where a node's object is right now: a descriptor and a name for *at calls. One result object,
// overwritten by each call, since descriptors are valid only until the cache's next use.
import { AT_FDCWD, O_NOFOLLOW } from '../sys/constants.js'
import { openat2 } from '../sys/file.js'
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { isArchived } from '../layer/object-calls.js'
import type { Node } from './node.js'
import type { Union } from './union.js'

/** `name` '' means the descriptor itself (AT_EMPTY_PATH). */
export interface Location {
  fd: number
  name: string
}

const location: Location = { fd: -1, name: '' }

function at(fd: number, name: string): Location {
  location.fd = fd
  location.name = name
  return location
}

/** The topmost object of a node: what its attributes are read from. Throws FsError. */
export function locate(u: Union, node: Node): Location {
  if (node.pinnedFd >= 0) return at(node.pinnedFd, '')
  if (node.parked !== '') return at(u.work.fd, node.parked)
  if (node.dir !== null) return locateDirectory(u, node)
  if (node.hasUpper) return locateUpper(u, node)
  if (node.lowerDir === null) throw new FsError(E.ESTALE, 'locate')
  return at(u.fd(node.lowerDir), node.lowerName)
}

/** The upper object of a node that has one. */
export function locateUpper(u: Union, node: Node): Location {
  if (node.pinnedFd >= 0) return at(node.pinnedFd, '')
  if (node.parked !== '') return at(u.work.fd, node.parked)
  if (node.indexEntry !== '' && u.stack.index !== null)
    return at(u.stack.index.fd, node.indexEntry)
  const upper = node.parent?.dir?.upper
  if (upper === null || upper === undefined) {
    if (node.dir !== null && node.dir.upper !== null) return at(u.fd(node.dir.upper), '')
    throw new FsError(E.ESTALE, 'locate')
  }
  return at(u.fd(upper), node.name)
}

function locateDirectory(u: Union, node: Node): Location {
  const part = node.dir?.upper ?? node.dir?.lowers[0]
  if (part === undefined) throw new FsError(E.ESTALE, 'locate')
  if (part.fd >= 0 || part.parent === null) return at(u.fd(part), '')
  return at(u.fd(part.parent), part.name)
}

/** The data of a regular file: of a metacopy, the lower file that holds it. */
export function locateData(u: Union, node: Node): Location {
  if (node.dataDir === null) return locate(u, node)
  return at(u.fd(node.dataDir), node.dataName)
}

/**
 * Opens what was located, never through a symlink. A descriptor or -errno; of what lies in an
 * archive there is none (see archived-data.ts).
 */
export function openObject(where: Location, flags: number): number {
  if (isArchived(where.fd)) return -E.ENOTTY
  if (where.name !== '') return openat2(where.fd, where.name, flags | O_NOFOLLOW, 0, 0)
  return openat2(AT_FDCWD, `/proc/self/fd/${where.fd}`, flags, 0, 0)
}
