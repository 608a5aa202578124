// All extended attributes of one inode as one text that is equal when they are.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import { XATTR_LIST_MAX, XATTR_SIZE_MAX } from '../../sys/constants.js'
import { getxattrat, listxattrat } from '../../sys/xattr.js'

const list = Buffer.allocUnsafe(XATTR_LIST_MAX)
const value = Buffer.allocUnsafe(XATTR_SIZE_MAX)

/** Names sorted, each with its value; '' where there is none. @throws FsError. */
export function readXattrs(dir: number, name: string): string {
  const length = listxattrat(dir, name, list)
  if (length === -E.EOPNOTSUPP) return ''
  if (length < 0) throw new FsError(length, 'listxattr', name)
  const names = list.latin1Slice(0, length).split('\0').slice(0, -1).toSorted()
  return names
    .map(attribute => {
      const size = getxattrat(dir, name, attribute, value)
      if (size < 0) throw new FsError(size, 'getxattr', name)
      return `${attribute}=${value.latin1Slice(0, size)}\0`
    })
    .join('')
}
