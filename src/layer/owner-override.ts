// Owners, modes and types kept as an attribute instead of on the inode, for stores that may not
// chown: `UID:GID:MODE` (octal) of fuse-overlayfs, `UID:GID:MODE:TYPE` of containers/storage.
import {
  S_IFBLK,
  S_IFCHR,
  S_IFDIR,
  S_IFIFO,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
  S_IFSOCK,
} from '../sys/constants.js'
import { encodeRdev, majorOf, minorOf, ST, statType } from '../sys/stat.js'
import { getxattrat } from './object-calls.js'
import { setxattrat } from '../sys/xattr.js'

const PRIVILEGED = 'security.fuseoverlayfs.override_stat'
const CONTAINERS = 'user.containers.override_stat'
const USER = 'user.fuseoverlayfs.override_stat'

const value = Buffer.alloc(128)
const nothing = new Uint8Array(0)

const TYPES: readonly (readonly [string, number])[] = [
  ['file', S_IFREG],
  ['dir', S_IFDIR],
  ['symlink', S_IFLNK],
  ['pipe', S_IFIFO],
  ['socket', S_IFSOCK],
  ['block', S_IFBLK],
  ['char', S_IFCHR],
]

/** Which of the attributes a layer uses: its root carries one; null where it does not. */
export function overrideOf(rootFd: number): string | null {
  const has = (name: string): boolean => getxattrat(rootFd, '', name, nothing) >= 0
  return [PRIVILEGED, CONTAINERS, USER].find(has) ?? null
}

/** Whether a layer with this attribute keeps `security.` attributes under other names too. */
export function storesNames(override: string | null): boolean {
  return override === CONTAINERS
}

/** The attribute that `xattr_permissions` 1 or 2 writes where the upper has none yet. */
export function overrideToWrite(permissions: 1 | 2): string {
  return permissions === 1 ? PRIVILEGED : CONTAINERS
}

/** Replaces owner, mode and (where it is told) type in an object's stat record. */
export function applyOverride(
  attribute: string,
  dirfd: number,
  name: string,
  record: Uint32Array,
  at = 0,
): void {
  const length = getxattrat(dirfd, name, attribute, value)
  if (length <= 0) return
  const [uid, gid, mode, type] = value.latin1Slice(0, length).split(':')
  if (!isNumber(uid, 10) || !isNumber(gid, 10) || !isNumber(mode, 8)) return
  record[at + ST.uid] = Number(uid)
  record[at + ST.gid] = Number(gid)
  const told = type === undefined ? null : typeOf(type)
  const kind = told?.type ?? statType(record, at)
  record[at + ST.mode] = kind | (parseInt(mode, 8) & 0o7777)
  if (told !== null) record[at + ST.rdev] = told.rdev
}

/** Stores a record's owner, mode and type. 0 or -errno. */
export function writeOverride(
  attribute: string,
  dirfd: number,
  name: string,
  record: Uint32Array,
): number {
  const mode = ((record[ST.mode] ?? 0) & 0o7777).toString(8).padStart(4, '0')
  const owner = `${record[ST.uid] ?? 0}:${record[ST.gid] ?? 0}:${mode}`
  const text = attribute === CONTAINERS ? `${owner}:${typeName(record)}` : owner
  return Math.min(setxattrat(dirfd, name, attribute, Buffer.from(text, 'latin1'), 0), 0)
}

/** Objects that a layer with overrides stores as plain files (no right to make them). */
export function isStoredAsFile(attribute: string, mode: number): boolean {
  const type = mode & S_IFMT
  return (
    attribute === CONTAINERS && type !== S_IFREG && type !== S_IFDIR && type !== S_IFLNK
  )
}

function isNumber(text: string | undefined, base: 8 | 10): text is string {
  return text !== undefined && (base === 8 ? /^[0-7]+$/ : /^\d+$/).test(text)
}

function typeOf(text: string): { type: number; rdev: number } | null {
  const [word, major, minor] = text.split('-')
  const type = TYPES.find(([name]) => name === word)?.[1]
  if (type === undefined) return null
  const isDevice = type === S_IFBLK || type === S_IFCHR
  return { type, rdev: isDevice ? encodeRdev(Number(major), Number(minor)) : 0 }
}

function typeName(record: Uint32Array): string {
  const type = statType(record)
  const name = TYPES.find(([, number]) => number === type)?.[0] ?? 'file'
  if (type !== S_IFBLK && type !== S_IFCHR) return name
  const rdev = record[ST.rdev] ?? 0
  return `${name}-${majorOf(rdev)}-${minorOf(rdev)}`
}
