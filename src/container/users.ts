// Users and groups as a container's root names them, in its own /etc/passwd and /etc/group. Those
// are files of somebody else's: no link in them leads out of the root.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import {
  O_NONBLOCK,
  O_RDONLY,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
} from '../sys/constants.js'
import { close, openat2, pread } from '../sys/file.js'
import { ContainerError } from './container-error.js'

export interface Identity {
  readonly uid: number
  readonly gid: number
  readonly groups: readonly number[]
  /** '' where nothing says so. */
  readonly home: string
}

/** A file with more is no list of users. */
const MAX_FILE = 16 * 1024 * 1024

/**
 * Who `USER[:GROUP]` is below a root; '' is root. A number need not be listed.
 * @param root descriptor of the root directory.
 * @throws ContainerError for a name that nobody has, FsError.
 */
export function identityOf(user: string, root: number): Identity {
  const [name = '', group = ''] = user.split(':')
  const entry = entryOf(name, lines(root, 'etc/passwd'))
  const groups = lines(root, 'etc/group')
  const [login, , uid, gid = '0', , home = ''] = entry ?? []
  return {
    uid: Number(uid ?? (name === '' ? 0 : name)),
    gid: group === '' ? Number(gid) : groupId(group, groups),
    groups: group === '' ? groupsOf(login, groups) : [],
    home,
  }
}

/** By name before by number; undefined for a number that nobody has. */
function entryOf(
  name: string,
  entries: readonly (readonly string[])[],
): readonly string[] | undefined {
  const id = name === '' ? '0' : name
  const entry =
    entries.find(([login]) => login === name) ?? entries.find(([, , uid]) => uid === id)
  if (entry === undefined && !isId(id))
    throw new ContainerError(
      `unable to find user ${name}: no matching entries in passwd file`,
    )
  return entry
}

function groupsOf(
  login: string | undefined,
  groups: readonly (readonly string[])[],
): number[] {
  if (login === undefined) return []
  return groups
    .filter(([, , , members = '']) => members.split(',').includes(login))
    .map(([, , gid]) => Number(gid))
    .filter(Number.isInteger)
}

function groupId(group: string, groups: readonly (readonly string[])[]): number {
  const found = groups.find(([name]) => name === group)?.[2]
  if (found !== undefined) return Number(found)
  if (isId(group)) return Number(group)
  throw new ContainerError(
    `unable to find group ${group}: no matching entries in group file`,
  )
}

function isId(text: string): boolean {
  return /^\d{1,10}$/.test(text) && Number(text) < 0xffffffff
}

/** The fields of each line; no lines where the file is not there. */
function lines(root: number, path: string): string[][] {
  const how = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS
  const fd = openat2(root, path, O_RDONLY | O_NONBLOCK, 0, how)
  if (fd === -E.ENOENT || fd === -E.ENOTDIR) return []
  if (fd < 0) throw new FsError(fd, 'open', `/${path}`)
  try {
    return readText(fd, path)
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
      .map(line => line.split(':'))
  } finally {
    close(fd)
  }
}

function readText(fd: number, path: string): string {
  const pieces: Buffer[] = []
  for (let at = 0; at < MAX_FILE;) {
    const piece = Buffer.alloc(65_536)
    const read = pread(fd, piece, 0, piece.length, at)
    if (read < 0) throw new FsError(read, 'read', `/${path}`)
    if (read === 0) break
    pieces.push(piece.subarray(0, read))
    at += read
  }
  return Buffer.concat(pieces).toString('latin1')
}
