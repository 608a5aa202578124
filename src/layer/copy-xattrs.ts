// Extended attributes of one object, on their way to another. What is read may lie in an archive.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import { XATTR_LIST_MAX, XATTR_SIZE_MAX } from '../sys/constants.js'
import { setxattrat } from '../sys/xattr.js'
import { getxattrat, listxattrat } from './object-calls.js'
import { shown } from './refusal.js'

/** An object by a name in a directory; '' for the descriptor itself. */
export interface ObjectAt {
  readonly fd: number
  readonly name: string
}

const list = Buffer.allocUnsafe(XATTR_LIST_MAX)
const value = Buffer.allocUnsafe(XATTR_SIZE_MAX)

/**
 * @param to an object of a disk.
 * @param nameFor what an attribute is called there; null for one that is left out.
 * @throws FsError
 */
export function copyXattrs(
  from: ObjectAt,
  to: ObjectAt,
  nameFor: (stored: string) => string | null,
): void {
  for (const stored of xattrNames(from)) {
    const attribute = nameFor(stored)
    if (attribute === null) continue
    const size = getxattrat(from.fd, from.name, stored, value)
    if (size < 0) throw new FsError(size, `getxattr ${shown(stored)}`, from.name)
    const set = setxattrat(to.fd, to.name, attribute, value.subarray(0, size), 0)
    if (set < 0) throw new FsError(set, `setxattr ${shown(attribute)}`, to.name)
  }
}

/** None where the filesystem has no attributes. @throws FsError. */
export function xattrNames({ fd, name }: ObjectAt): string[] {
  const length = listxattrat(fd, name, list)
  if (length === -E.EOPNOTSUPP) return []
  if (length < 0) throw new FsError(length, 'listxattr', name)
  return list.latin1Slice(0, length).split('\0').slice(0, -1)
}
