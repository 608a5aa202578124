// What can only be done when all of a layer is there: whiteouts and opaque markers, which may
// stand anywhere in the archive and hide the layers below alone, and the attributes of directories,
// whose times change with whatever is made in them.
import { FsError } from '../../errno/fs-error.js'
import type { StackDirectory, StackObject } from '../../layer/layer-stack.js'
import { applyOverride } from '../../layer/owner-override.js'
import { setOpaque } from '../../layer/opaque.js'
import { makeWhiteout } from '../../layer/whiteout.js'
import { dotWhiteout } from '../../layer/format.js'
import { AT_EMPTY_PATH, O_CREAT, O_EXCL, O_WRONLY, S_IFDIR } from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { ST, statMode, statRecords } from '../../sys/stat.js'
import { copyTimes, setTimes, writeTimes } from './attributes.js'
import type { UnpackDirectory } from './layer-tree.js'
import type { Unpacking } from './unpacking.js'

/** What a directory gets that no layer says anything of. */
const DEFAULT_MODE = 0o755
const EPOCH = { sec: 0, nsec: 0 }

/**
 * Where a directory is in the layers below: asked of them only when something depends on it, and
 * once.
 */
class Below {
  private found: StackObject | undefined
  private asked = false
  private readonly ask: () => StackObject | undefined

  constructor(ask: () => StackObject | undefined) {
    this.ask = ask
  }

  /** The object there; undefined for none, or a hidden one. */
  get object(): StackObject | undefined {
    if (!this.asked) this.found = this.ask()
    this.asked = true
    return this.found
  }

  get directory(): StackDirectory | undefined {
    return this.object?.directory
  }
}

const NOTHING = new Below(() => undefined)

/** Completes the directories of a layer, the root last. Throws FsError. */
export function finishDirectories(u: Unpacking): void {
  const root = new Below(() => {
    const directory = u.stack.root()
    const [layer] = directory?.layers ?? []
    if (directory === undefined || layer === undefined) return undefined
    const record = statRecords(1)
    const error = statx(layer, '', AT_EMPTY_PATH, record, 0)
    if (error < 0) throw new FsError(error, 'statx', '/')
    return { layer, path: '', record, directory }
  })
  finish(u, u.tree.root, root)
}

/** @param below what the layers below show in the directory's place. */
function finish(u: Unpacking, directory: UnpackDirectory, below: Below): void {
  const inside = directory.opaque ? NOTHING : below
  for (const [name, child] of directory.children) {
    const lookup = (): StackObject | undefined =>
      inside.directory === undefined ? undefined : u.stack.lookup(inside.directory, name)
    const lower = new Below(lookup)
    if (directory.whiteouts?.has(name) !== true) finish(u, child, lower)
    else {
      // A whiteout beside a directory of the same name: it is new, and shows nothing from below.
      if (lower.directory !== undefined) markOpaque(u, child)
      finish(u, child, NOTHING)
    }
  }
  if (directory.opaque && below.directory !== undefined) markOpaque(u, directory)
  for (const name of directory.whiteouts ?? []) hide(u, directory, name, inside)
  setAttributes(u, directory, below.directory === undefined ? undefined : below.object)
}

function markOpaque(u: Unpacking, directory: UnpackDirectory): void {
  const error = setOpaque(u.tree.fd(directory), '.', u.format)
  if (error < 0) throw new FsError(error, 'setxattr', directory.path())
}

/** A whiteout where the layers below have the name, and this one has not. */
function hide(
  u: Unpacking,
  directory: UnpackDirectory,
  name: string,
  below: Below,
): void {
  if (below.directory === undefined || directory.children.has(name)) return
  if (u.tree.exists(directory, name)) return
  if (u.stack.lookup(below.directory, name) === undefined) return
  const fd = u.tree.fd(directory)
  const error = u.format.writesDotWhiteouts
    ? makeDotWhiteout(fd, name)
    : makeWhiteout(fd, name, u.format)
  if (error < 0) throw new FsError(error, 'whiteout', `${directory.path()}/${name}`)
}

function makeDotWhiteout(dirfd: number, name: string): number {
  const flags = O_CREAT | O_EXCL | O_WRONLY
  const fd = openat2(dirfd, dotWhiteout(name), flags, 0o600, 0)
  return fd < 0 ? fd : close(fd)
}

/** Owner, mode, attributes and times: the entry's own, else the lower directory's. */
function setAttributes(
  u: Unpacking,
  directory: UnpackDirectory,
  lower: StackObject | undefined,
): void {
  const fd = u.tree.fd(directory)
  const { header } = directory
  if (header !== undefined) {
    const { uid, gid } = header
    const mode = S_IFDIR | (header.mode & 0o7777)
    u.ownership.apply(fd, '.', { uid, gid, mode, rdev: 0 }, -1)
    u.attributes.write(fd, '.', header.xattrs)
    writeTimes(fd, '.', header)
  } else if (lower !== undefined) inherit(u, fd, lower)
  else {
    const mode = S_IFDIR | DEFAULT_MODE
    u.ownership.apply(fd, '.', { uid: 0, gid: 0, mode, rdev: 0 }, -1)
    setTimes(fd, '.', EPOCH, EPOCH)
  }
}

/** A directory that only stands above entries stays as the layers below have it. */
function inherit(u: Unpacking, fd: number, { layer, path, record }: StackObject): void {
  const owned = Uint32Array.from(record)
  if (u.ownership.attribute !== null)
    applyOverride(u.ownership.attribute, layer, path, owned)
  const uid = owned[ST.uid] ?? 0
  const gid = owned[ST.gid] ?? 0
  u.ownership.apply(fd, '.', { uid, gid, mode: statMode(owned), rdev: 0 }, -1)
  u.attributes.copy(layer, path, fd, '.', false)
  copyTimes(fd, '.', record)
}
