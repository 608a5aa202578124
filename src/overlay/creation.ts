// New objects (ovl_create_or_link): made in the upper directory under the caller's ids and
// umask, so that owner, set-group-id directories, default ACLs and quotas are the disk's own
// business; over a whiteout they are made in the work directory first.
import { E } from '../errno/errno.js'
import type { Request } from '../fuse/request.js'
import { dotWhiteout, isDotName } from '../layer/format.js'
import { applyOverride, isStoredAsFile, writeOverride } from '../layer/owner-override.js'
import { LayerDirectory } from '../layer/layer-directory.js'
import {
  AT_EMPTY_PATH,
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_RDWR,
  O_TMPFILE,
  RENAME_EXCHANGE,
  RENAME_NOREPLACE,
  S_IFCHR,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
  S_IFREG,
} from '../sys/constants.js'
import { assume, restore, umask } from '../sys/credentials.js'
import { close, openat2 } from '../sys/file.js'
import { mkdirat, mknodat, renameat2, statx, symlinkat, unlinkat } from '../sys/inode.js'
import { ST, STAT_WORDS } from '../sys/stat.js'
import { present, readLower, readRecord } from './attributes.js'
import { copyUpDirectory } from './copy-up.js'
import { setOpaque } from '../layer/opaque.js'
import { inheritAcl } from './inherit-acl.js'
import { Directory, Node } from './node.js'
import { keepPin, type Pin, pinObject } from './pins.js'
import { mayCreateIn } from './protection.js'
import { type Union, upperOf } from './union.js'

const NAME_MAX = 255
const S_ISGID = 0o2000
const record = new Uint32Array(STAT_WORDS)

/** What is to be made. */
export interface NewObject {
  readonly mode: number
  readonly umask: number
  readonly rdev: number
  readonly target: string
  /** Set by a server that is not root: the file is opened as it is made, and `fd` is left open. */
  readonly keep?: { readonly access: number; fd: number }
}

/**
 * Makes a new object under a name that the union does not have. Returns the node, whose
 * attributes are in `attributes` afterwards, or -errno.
 */
export function createObject(
  u: Union,
  req: Request,
  parent: Node & { dir: Directory },
  name: string,
  what: NewObject,
  attributes: Uint32Array,
): Node | number {
  const refused = mayMake(u, parent, name)
  if (refused < 0) return refused
  if ((what.mode & S_IFMT) === S_IFCHR && what.rdev === 0) return -E.EPERM
  const ready = copyUpDirectory(u, parent)
  if (ready < 0) return ready
  const made = make(u, req, parent, name, what)
  if (made < 0) return made
  return newNode(u, parent, name, attributes)
}

/** Whether a name may be added to a directory at all. 0 or -errno. */
export function mayMake(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
): number {
  if (!u.isWritable) return -E.EROFS
  if (parent.dir.removed) return -E.ENOENT
  if (name.length > NAME_MAX - (u.format.writesDotWhiteouts ? 4 : 0))
    return -E.ENAMETOOLONG
  if (u.format.dotWhiteouts && isDotName(name)) return -E.EINVAL
  return mayCreateIn(parent)
}

function make(
  u: Union,
  req: Request,
  parent: Node & { dir: Directory },
  name: string,
  what: NewObject,
): number {
  if (u.upperOverride !== null) return makeOverridden(u, req, parent, name, what)
  const upper = u.fd(upperOf(parent))
  if (mustHideFirst(u, upper, name)) return makeOverWhiteout(u, req, parent, name, what)
  const error = makeAs(u, req, upper, name, what)
  if (error === -E.EEXIST) return makeOverWhiteout(u, req, parent, name, what)
  if (error < 0) return error
  if ((what.mode & S_IFMT) === S_IFDIR && parent.dir.isMerged) {
    // An optimisation (ovl_create_upper): nothing below can show through, whatever comes.
    setOpaque(u.fd(upperOf(parent)), name, u.format)
  }
  return 0
}

/** In the dot formats a whiteout does not stand in the way of its name, it stands beside it. */
function mustHideFirst(u: Union, upper: number, name: string): boolean {
  if (!u.format.dotWhiteouts) return false
  return statx(upper, dotWhiteout(name), AT_SYMLINK_NOFOLLOW, record, 0) === 0
}

/** The system call that makes an object, under the caller's ids and umask. */
function makeAs(
  u: Union,
  req: Request,
  dirfd: number,
  name: string,
  what: NewObject,
): number {
  return asCaller(u, req, what.umask, () => makeReal(dirfd, name, what))
}

/** The umask of this thread, which is its own (CLONE_FS is unshared). */
let currentUmask = -1

function setUmask(mask: number): void {
  if (mask === currentUmask) return
  umask(mask)
  currentUmask = mask
}

/** Runs `act` with the ids of a request's caller and a umask. */
export function asCaller(
  u: Union,
  req: Request,
  mask: number,
  act: () => number,
): number {
  const uid = u.ids.diskUid(req.uid)
  const gid = u.ids.diskGid(req.gid)
  if (uid < 0 || gid < 0) return -E.EOVERFLOW
  setUmask(mask)
  if (!u.assumesCallers || (uid === 0 && gid === 0)) return act()
  const assumed = assume(uid, gid)
  if (assumed < 0) return assumed
  const result = act()
  restore()
  return result
}

function makeReal(dirfd: number, name: string, what: NewObject): number {
  switch (what.mode & S_IFMT) {
    case S_IFDIR:
      return mkdirat(dirfd, name, what.mode & 0o7777)
    case S_IFLNK:
      return symlinkat(what.target, dirfd, name)
    default:
      if (what.keep !== undefined)
        return makeOpen(dirfd, name, what.mode & 0o7777, what.keep)
      return mknodat(dirfd, name, what.mode, what.rdev)
  }
}

/** A regular file whose mode may keep us from opening it again: it is opened as it is made. */
function makeOpen(
  dirfd: number,
  name: string,
  mode: number,
  keep: { readonly access: number; fd: number },
): number {
  const fd = openat2(dirfd, name, O_CREAT | O_EXCL | keep.access, mode, 0)
  if (fd < 0) return fd
  if (keep.fd >= 0) close(keep.fd)
  keep.fd = fd
  return 0
}

/** ovl_create_over_whiteout: made apart, then put in the whiteout's place by one rename. */
function makeOverWhiteout(
  u: Union,
  req: Request,
  parent: Node & { dir: Directory },
  name: string,
  what: NewObject,
): number {
  const temporary = u.work.temporary()
  const isDirectory = (what.mode & S_IFMT) === S_IFDIR
  const bare = { ...what, umask: 0 }
  let error = makeAs(u, req, u.work.fd, temporary, bare)
  if (error >= 0) error = inheritAcl(u, parent, { fd: u.work.fd, name: temporary }, what)
  if (error >= 0 && isDirectory) error = u.work.makeOpaque(temporary)
  if (error >= 0) error = replaceWhiteout(u, parent, name, temporary, isDirectory)
  if (error < 0) u.work.discard(temporary)
  return Math.min(error, 0)
}

/**
 * Where owners are kept as an attribute: made apart as our own, with that attribute, and then
 * put in its place.
 */
function makeOverridden(
  u: Union,
  req: Request,
  parent: Node & { dir: Directory },
  name: string,
  what: NewObject,
): number {
  const temporary = u.work.temporary()
  const isDirectory = (what.mode & S_IFMT) === S_IFDIR
  setUmask(0)
  let error = makeReal(u.work.fd, temporary, storedForm(u, what))
  if (error < 0) return error
  error = overrideNew(u, req, parent, what, u.work.fd, temporary)
  if (error >= 0 && isDirectory && parent.dir.isMerged)
    error = u.work.makeOpaque(temporary)
  const upper = u.fd(upperOf(parent))
  const isTaken =
    mustHideFirst(u, upper, name) ||
    statx(upper, name, AT_SYMLINK_NOFOLLOW, record, 0) === 0
  if (error >= 0)
    error = isTaken
      ? replaceWhiteout(u, parent, name, temporary, isDirectory)
      : renameat2(u.work.fd, temporary, upper, name, RENAME_NOREPLACE)
  if (error < 0) u.work.discard(temporary)
  return Math.min(error, 0)
}

/** What is really made for an object whose owner and type are kept as an attribute. */
function storedForm(u: Union, what: NewObject): NewObject {
  const type = what.mode & S_IFMT
  if (type === S_IFDIR) return { ...what, mode: S_IFDIR | 0o700 }
  const override = u.upperOverride
  const isFile = override !== null && isStoredAsFile(override, what.mode)
  if (type === S_IFREG || isFile) return { ...what, mode: S_IFREG | 0o600, rdev: 0 }
  return what
}

/** The owner attribute of a new object: caller, umask, and the directory's set-group-id bit. */
function overrideNew(
  u: Union,
  req: Request,
  parent: Node,
  what: NewObject,
  dirfd: number,
  name: string,
): number {
  const override = u.upperOverride
  if (override === null || (what.mode & S_IFMT) === S_IFLNK) return 0
  const error = readRecord(u, parent, record)
  if (error < 0) return error
  const inherits = ((record[ST.mode] ?? 0) & S_ISGID) !== 0
  const isDirectory = (what.mode & S_IFMT) === S_IFDIR
  const owner = new Uint32Array(STAT_WORDS)
  owner[ST.uid] = u.ids.diskUid(req.uid)
  owner[ST.gid] = inherits ? (record[ST.gid] ?? 0) : u.ids.diskGid(req.gid)
  owner[ST.mode] = (what.mode & ~what.umask) | (inherits && isDirectory ? S_ISGID : 0)
  owner[ST.rdev] = what.rdev
  return writeOverride(override, dirfd, name, owner)
}

/** Puts a finished temporary where a whiteout is. 0 or -errno. */
export function replaceWhiteout(
  u: Union,
  parent: Node,
  name: string,
  temporary: string,
  isDirectory: boolean,
): number {
  const upper = u.fd(upperOf(parent))
  if (u.format.dotWhiteouts && mustHideFirst(u, upper, name)) {
    const renamed = renameat2(u.work.fd, temporary, upper, name, 0)
    return renamed < 0 ? renamed : unlinkat(upper, dotWhiteout(name), 0)
  }
  if (!isDirectory) return renameat2(u.work.fd, temporary, upper, name, 0)
  const renamed = renameat2(u.work.fd, temporary, upper, name, RENAME_EXCHANGE)
  if (renamed >= 0) unlinkat(u.work.fd, temporary, 0)
  return renamed
}

/** The node of an object that has just been made in the upper. */
function newNode(
  u: Union,
  parent: Node & { dir: Directory },
  name: string,
  attributes: Uint32Array,
): Node | number {
  const upper = upperOf(parent)
  const error = readLower(u, upper, name, record)
  if (error < 0) return error
  const node = nodeOfUpper(u, record)
  node.addName(parent, name)
  if (node.isDirectory)
    node.dir = new Directory(new LayerDirectory(upper.layer, upper, name), [])
  if (node.dir !== null) node.dir.opaque = parent.dir.isMerged
  parent.dir.children.set(name, node)
  noteCreated(parent, name, node, record)
  attributes.set(record)
  present(u, node, attributes)
  return node
}

/** A node for an upper inode without origin. */
export function nodeOfUpper(u: Union, stat: Uint32Array): Node {
  const node = new Node(stat[ST.mode] ?? 0)
  node.hasUpper = true
  if (u.stack.upper !== null)
    u.stack.inodeNumbers.assign(
      node,
      u.stack.upper,
      stat[ST.ino] ?? 0,
      stat[ST.ino + 1] ?? 0,
    )
  return node
}

/** Keeps the parent's listing true after a new name. */
export function noteCreated(
  parent: Node & { dir: Directory },
  name: string,
  node: Node,
  stat: Uint32Array,
): void {
  parent.dir.listing?.insert(
    name,
    node.type >>> 12,
    stat[ST.ino] ?? 0,
    stat[ST.ino + 1] ?? 0,
  )
}

/** Lets go of a nameless file's descriptor where there are many such files; a server that is not
 * root needs it, to open the file.
 */
function parkTemporary(u: Union, fd: number): Pin {
  if (u.pins.haveRoom || !u.assumesCallers) return fd
  const pin = pinObject(u, fd, '', false)
  if (typeof pin === 'string') {
    close(fd)
    return pin
  }
  if (pin >= 0) close(pin)
  return fd
}

/**
 * O_TMPFILE: a file of the upper layer without a name, held by its descriptor until it is
 * linked or forgotten. Returns the node, or -errno.
 */
export function createTemporary(
  u: Union,
  req: Request,
  parent: Node & { dir: Directory },
  mode: number,
  mask: number,
  attributes: Uint32Array,
): Node | number {
  if (!u.isWritable) return -E.EROFS
  const refused = mayCreateIn(parent)
  if (refused < 0) return refused
  const ready = copyUpDirectory(u, parent)
  if (ready < 0) return ready
  const dirfd = u.fd(upperOf(parent))
  const fd = asCaller(u, req, mask, () =>
    openat2(dirfd, '.', O_TMPFILE | O_RDWR, mode & 0o7777, 0),
  )
  if (fd < 0) return fd
  const what = { mode: S_IFREG | mode, umask: mask, rdev: 0, target: '' }
  let error = overrideNew(u, req, parent, what, fd, '')
  if (error >= 0) error = statx(fd, '', AT_EMPTY_PATH, record, 0)
  if (error < 0) {
    close(fd)
    return error
  }
  if (u.upperOverride !== null) applyOverride(u.upperOverride, fd, '', record)
  const node = nodeOfUpper(u, record)
  keepPin(u, node, parkTemporary(u, fd))
  attributes.set(record)
  present(u, node, attributes)
  return node
}
