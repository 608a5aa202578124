// An error that carries a Linux errno, and the one conversion from whatever was thrown to an
// errno. Never decides what is logged or answered: that is the caller's.
import { E, errnoName } from './errno.js'

/** A system call, or a rule of the filesystem, that failed with an errno. */
export class FsError extends Error {
  override readonly name = 'FsError'
  /** Positive Linux errno. */
  readonly errno: number
  /** The man-page name of the call, or of the operation. */
  readonly syscall: string
  /** The name concerned, as the caller knew it. */
  readonly path: string | undefined

  /** @param errno positive or negative, as a call of the addon returned it. */
  constructor(errno: number, syscall: string, path?: string) {
    const number = Math.abs(errno)
    const where = path === undefined ? syscall : `${syscall} ${path}`
    super(`${where}: ${describeErrno(number)}`)
    this.errno = number
    this.syscall = syscall
    this.path = path
  }

  /** The kernel's name of the errno, as Node's own errors have it. */
  get code(): string {
    return errnoName(this.errno)
  }
}

/** "ENOENT (No such file or directory)"; the name alone where no text is kept for it. */
export function describeErrno(errno: number): string {
  const text = TEXTS.get(Math.abs(errno))
  const name = errnoName(errno)
  return text === undefined ? name : `${name} (${text})`
}

/**
 * The errno to answer for anything thrown: that of an FsError, that of an error of Node's own
 * calls (which carry it negative), EIO for the rest.
 */
export function toErrno(thrown: unknown): number {
  if (thrown instanceof FsError) return thrown.errno
  if (thrown instanceof Error && 'errno' in thrown && typeof thrown.errno === 'number') {
    const number = Math.abs(thrown.errno)
    if (Number.isInteger(number) && number > 0 && number <= MAX_ERRNO) return number
  }
  return E.EIO
}

/** The largest errno of the protocol: fuse_dev_do_write refuses -512 (ERESTARTSYS) and below. */
const MAX_ERRNO = 511

const TEXTS: ReadonlyMap<number, string> = new Map([
  [E.EPERM, 'Operation not permitted'],
  [E.ENOENT, 'No such file or directory'],
  [E.EINTR, 'Interrupted system call'],
  [E.EIO, 'Input/output error'],
  [E.ENXIO, 'No such device or address'],
  [E.E2BIG, 'Argument list too long'],
  [E.EBADF, 'Bad file descriptor'],
  [E.EAGAIN, 'Resource temporarily unavailable'],
  [E.ENOMEM, 'Cannot allocate memory'],
  [E.EACCES, 'Permission denied'],
  [E.EBUSY, 'Device or resource busy'],
  [E.EEXIST, 'File exists'],
  [E.EXDEV, 'Invalid cross-device link'],
  [E.ENODEV, 'No such device'],
  [E.ENOTDIR, 'Not a directory'],
  [E.EISDIR, 'Is a directory'],
  [E.EINVAL, 'Invalid argument'],
  [E.ENFILE, 'Too many open files in system'],
  [E.EMFILE, 'Too many open files'],
  [E.ENOTTY, 'Inappropriate ioctl for device'],
  [E.ETXTBSY, 'Text file busy'],
  [E.EFBIG, 'File too large'],
  [E.ENOSPC, 'No space left on device'],
  [E.ESPIPE, 'Illegal seek'],
  [E.EROFS, 'Read-only file system'],
  [E.EMLINK, 'Too many links'],
  [E.EPIPE, 'Broken pipe'],
  [E.ERANGE, 'Numerical result out of range'],
  [E.ENAMETOOLONG, 'File name too long'],
  [E.ENOSYS, 'Function not implemented'],
  [E.ENOTEMPTY, 'Directory not empty'],
  [E.ELOOP, 'Too many levels of symbolic links'],
  [E.ENODATA, 'No data available'],
  [E.EOVERFLOW, 'Value too large for defined data type'],
  [E.EOPNOTSUPP, 'Operation not supported'],
  [E.ENOTCONN, 'Transport endpoint is not connected'],
  [E.ECONNABORTED, 'Software caused connection abort'],
  [E.ETIMEDOUT, 'Connection timed out'],
  [E.ESTALE, 'Stale file handle'],
  [E.EDQUOT, 'Disk quota exceeded'],
  [E.ECANCELED, 'Operation canceled'],
])
