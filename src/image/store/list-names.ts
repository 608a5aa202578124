// The names in an open folder, as bytes, with plain system calls.
import { FsError } from '../../errno/fs-error.js'
import { getdents64 } from '../../sys/dir.js'

/** struct linux_dirent64: d_reclen at 16, d_name at 19. */
const RECLEN = 16
const NAME = 19

/** All names but `.` and `..`, as latin1 strings, in the disk's order. @throws FsError. */
export function listNames(fd: number): string[] {
  const buffer = Buffer.allocUnsafe(32 * 1024)
  const names: string[] = []
  for (;;) {
    const bytes = getdents64(fd, buffer, 0)
    if (bytes < 0) throw new FsError(bytes, 'getdents64')
    if (bytes === 0) return names
    for (let at = 0; at < bytes; at += buffer.readUInt16LE(at + RECLEN)) {
      const start = at + NAME
      const name = buffer.latin1Slice(start, buffer.indexOf(0, start))
      if (name !== '.' && name !== '..') names.push(name)
    }
  }
}
