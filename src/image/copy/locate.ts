// Where a path leads in a tree that may be somebody else's: a container's root, out of which no link
// leads, or the host. The last name is kept apart from the directory that it is in, so that it can be
// looked at, made or replaced without being followed.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_PATH,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { readlinkat, statx } from '../../sys/inode.js'
import { isSymlink, statRecords } from '../../sys/stat.js'

/** A tree of files. */
export interface Tree {
  /** From where paths lead. */
  readonly fd: number
  /** RESOLVE_ flags. */
  readonly how: number
}

/** The caller's own: relative paths lead from the working directory. */
export const HOST: Tree = { fd: AT_FDCWD, how: 0 }

/** @param root descriptor of the root directory. */
export function treeBelow(root: number): Tree {
  return { fd: root, how: RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS }
}

/** Tries of one lookup; each fails only if something is renamed or mounted during it. */
const TRIES = 1000

/**
 * Opens a path of a tree. A `..` below a root is looked up anew when something was renamed or mounted
 * anywhere meanwhile: the kernel cannot tell then that it has not led out (EAGAIN, openat2(2)).
 * @returns a descriptor, or -errno.
 */
export function openIn(tree: Tree, path: string, flags: number): number {
  let fd = -E.EAGAIN
  for (let tries = 0; tries < TRIES && fd === -E.EAGAIN; tries += 1)
    fd = openat2(tree.fd, path, flags, 0, tree.how)
  return fd
}

export interface Located {
  /** A path of the directory. */
  readonly folder: string
  /** Its descriptor (O_PATH); the caller's to close. */
  readonly parent: number
  /** `.` for the directory itself. */
  readonly name: string
  /** Its stat record; null where nothing has that name. */
  readonly record: Uint32Array | null
}

/** As many links one after the other as Linux follows (MAXSYMLINKS). */
const MAX_LINKS = 40
const PATH_MAX = 4096
const target = Buffer.alloc(PATH_MAX)

/** Whether a path says that it is a directory's. */
export function assertsDirectory(path: string): boolean {
  return /(^|\/)\.?$/.test(path)
}

/** The last name of a path, `.` where it is none: what a copy of it is called. */
export function baseOf(path: string): string {
  if (/(^|\/)\.\.?\/*$/.test(path)) return '.'
  const base = path.replace(/\/+$/, '').split('/').at(-1) ?? ''
  return base === '' ? '.' : base
}

/**
 * @param follows what the last name links to is meant, also where that is not there yet.
 * @throws FsError: ENOENT where the directory is not there, ELOOP.
 */
export function locate(tree: Tree, path: string, follows: boolean): Located {
  let at = path.replace(/(\/+\.?)+$/, '') || (path.startsWith('/') ? '/' : '.')
  for (let links = 0; links <= MAX_LINKS; links += 1) {
    const found = lookAt(tree, at)
    if (!follows || found.record === null || !isSymlink(found.record)) return found
    const length = readlinkat(found.parent, found.name, target, 0)
    close(found.parent)
    if (length < 0) throw new FsError(length, 'readlink', at)
    const link = target.latin1Slice(0, length)
    at = link.startsWith('/') ? link : `${found.folder}/${link}`
  }
  throw new FsError(E.ELOOP, 'open', path)
}

function lookAt(tree: Tree, path: string): Located {
  const slash = path.lastIndexOf('/')
  const last = path.slice(slash + 1)
  const isPlain = last !== '' && last !== '.' && last !== '..'
  const folder = isPlain ? path.slice(0, slash + 1) || '.' : path
  const name = isPlain ? last : '.'
  const parent = openIn(tree, folder, O_PATH | O_DIRECTORY)
  if (parent < 0) throw new FsError(parent, 'open', path)
  const record = statRecords(1)
  const result = statx(parent, name, AT_SYMLINK_NOFOLLOW, record, 0)
  if (result >= 0 || result === -E.ENOENT)
    return { folder, parent, name, record: result < 0 ? null : record }
  close(parent)
  throw new FsError(result, 'stat', path)
}
