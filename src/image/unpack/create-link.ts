// Hard links. To a file of this layer it is link(2). To a file of a layer below, both names get
// one new inode in this layer, a copy of it, and so do its other names (see copied-files.ts):
// link(2) across layers would change the lower file's ctime and link count, and the merged tree
// would show several inodes.
import { E } from '../../errno/errno.js'
import { FsError } from '../../errno/fs-error.js'
import type { Reached } from '../../layer/deep-paths.js'
import type { StackObject } from '../../layer/layer-stack.js'
import {
  AT_SYMLINK_NOFOLLOW,
  O_CREAT,
  O_EXCL,
  O_NOFOLLOW,
  O_RDONLY,
  O_WRONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import {
  fchmodat,
  linkat,
  mknodat,
  readlinkat,
  statx,
  symlinkat,
} from '../../sys/inode.js'
import { copyData } from '../../sys/pool.js'
import {
  isRegular,
  isSameFile,
  isSymlink,
  ST,
  statMode,
  statNumber,
  statRecords,
} from '../../sys/stat.js'
import type { TarHeader } from '../../tar/entry.js'
import { copyTimes } from './attributes.js'
import { type CopiedFile, nameOf } from './copied-files.js'
import { make } from './create-object.js'
import { type Components, componentsOf } from '../../layer/entry-name.js'
import type { UnpackDirectory } from './layer-tree.js'
import { Refusal, shown } from '../../layer/refusal.js'
import type { Unpacking } from './unpacking.js'

const PATH_MAX = 4096
const target = Buffer.alloc(PATH_MAX)
const one = statRecords(1)
const other = statRecords(1)

/** Makes the entry's name another name of what it links to. Raises Refusal, FsError. */
export function createLink(
  u: Unpacking,
  components: Components,
  parent: UnpackDirectory,
  header: TarHeader,
): void {
  const name = components.at(-1) ?? ''
  const to = componentsOf(header.linkname, u.limits.depth)
  const last = to.at(-1)
  if (last === undefined) throw new Refusal('malformed', 'a hard link to the root')
  const directory = targetDirectory(u, to)
  if (directory?.children.has(last) === true)
    throw new Refusal('malformed', 'a hard link to a directory')
  if (directory === undefined || !u.tree.exists(directory, last))
    bring(u, to).names.push(components)
  const from = u.tree.directory(to.slice(0, -1))
  if (isSame(u, from, last, parent, name)) return
  make(u, parent, name, 'link', fd => linkat(u.tree.fd(from), last, fd, name, 0))
}

/** The target's directory in this layer, if it has one. Raises Refusal. */
function targetDirectory(u: Unpacking, to: Components): UnpackDirectory | undefined {
  let at = u.tree.root
  for (const name of to.slice(0, -1)) {
    const child = at.children.get(name)
    if (child === undefined) {
      if (u.tree.exists(at, name)) throw missing(to)
      return undefined
    }
    at = child
  }
  return at
}

/** A link to itself, or to what is one file with it already, changes nothing. */
function isSame(
  u: Unpacking,
  from: UnpackDirectory,
  fromName: string,
  parent: UnpackDirectory,
  name: string,
): boolean {
  const found = statx(u.tree.fd(parent), name, AT_SYMLINK_NOFOLLOW, one, 0)
  if (found === -E.ENOENT) return false
  if (found < 0) throw new FsError(found, 'statx', name)
  const error = statx(u.tree.fd(from), fromName, AT_SYMLINK_NOFOLLOW, other, 0)
  if (error < 0) throw new FsError(error, 'statx', fromName)
  return isSameFile(one, 0, other, 0)
}

/** Brings a file of the layers below into this one, under its own name. */
function bring(u: Unpacking, to: Components): CopiedFile {
  const found = lookup(u, to)
  if (found.directory !== undefined)
    throw new Refusal('malformed', 'a hard link to a directory')
  const parent = u.tree.directory(to.slice(0, -1))
  const name = to.at(-1) ?? ''
  const copied = u.copied.find(found)
  const known = copied === undefined ? undefined : nameOf(u, copied)
  if (copied !== undefined && known !== undefined) {
    const source = u.tree.fd(known.directory)
    make(u, parent, name, 'link', fd => linkat(source, known.name, fd, name, 0))
    copied.names.push(to)
    return copied
  }
  copyUp(u, found, parent, name)
  const copy = statRecords(1)
  const error = statx(u.tree.fd(parent), name, AT_SYMLINK_NOFOLLOW, copy, 0)
  if (error < 0) throw new FsError(error, 'statx', name)
  const made = { source: found, copy, names: [to] }
  u.copied.add(made)
  return made
}

function copyUp(
  u: Unpacking,
  found: StackObject,
  parent: UnpackDirectory,
  name: string,
): void {
  copyObject(u, found, parent, name)
  const fd = u.tree.fd(parent)
  const { record } = found
  const mode = statMode(record)
  if (u.ownership.attribute === null) {
    const owner = { uid: record[ST.uid] ?? 0, gid: record[ST.gid] ?? 0, mode, rdev: 0 }
    u.ownership.apply(fd, name, owner, -1)
  } else if (!isSymlink(record)) {
    // What stands for owner and mode is copied with the attributes.
    const error = fchmodat(fd, name, mode & 0o7777, 0)
    if (error < 0) throw new FsError(error, 'chmod', name)
  }
  const at = u.stack.reach(found)
  u.attributes.copy(at.dirfd, at.name, fd, name, true)
  copyTimes(fd, name, record)
}

/** The merged view's object. Raises Refusal where there is none. */
function lookup(u: Unpacking, to: Components): StackObject {
  let at = u.stack.root()
  let found: StackObject | undefined
  for (const name of to) {
    found = at === undefined ? undefined : u.stack.lookup(at, name)
    if (found === undefined) throw missing(to)
    at = found.directory
  }
  if (found === undefined) throw missing(to)
  return found
}

function missing(to: Components): Refusal {
  return new Refusal('malformed', `its target '${shown(to.join('/'))}' does not exist`)
}

function copyObject(
  u: Unpacking,
  found: StackObject,
  parent: UnpackDirectory,
  name: string,
): void {
  const { record } = found
  const mode = statMode(record)
  if (isSymlink(record)) {
    const at = u.stack.reach(found)
    const length = readlinkat(at.dirfd, at.name, target, 0)
    if (length < 0) throw new FsError(length, 'readlink', at.name)
    const text = target.latin1Slice(0, length)
    make(u, parent, name, 'symlink', fd => symlinkat(text, fd, name))
  } else if (isRegular(record)) {
    const flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW
    const copy = make(u, parent, name, 'open', fd => openat2(fd, name, flags, 0o600, 0))
    try {
      copyContents(u.stack.reach(found), copy, statNumber(record, ST.size))
      u.digests?.forget(copy)
    } finally {
      close(copy)
    }
  } else {
    const rdev = record[ST.rdev] ?? 0
    make(u, parent, name, 'mknod', fd => mknodat(fd, name, mode, rdev))
  }
}

/** By a reflink where the disk has them. */
function copyContents({ dirfd, name }: Reached, copy: number, size: number): void {
  const how = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
  const source = openat2(dirfd, name, O_RDONLY | O_NOFOLLOW, 0, how)
  if (source < 0) throw new FsError(source, 'open', name)
  const error = copyData(source, copy, size, 0)
  close(source)
  if (error < 0) throw new FsError(error, 'copy', name)
}
