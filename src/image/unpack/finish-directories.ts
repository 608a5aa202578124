// What can only be done when all of a layer is there: whiteouts and opaque markers, which may
// stand anywhere in the archive and hide the layers below alone, and the attributes of directories,
// whose times change with whatever is made in them.
import { FsError } from '../../errno/fs-error.js'
import type { LayerStack, StackDirectory, StackObject } from '../../layer/layer-stack.js'
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
 * What the layers below have in a directory's place: asked of them only when something depends on
 * it, and once. Asking goes from the root down without recursion, for trees are deep.
 */
class Below {
  private found: StackObject | undefined
  private asked = false
  private readonly stack: LayerStack
  /** Undefined for the root. */
  private readonly above: Below | undefined
  private readonly name: string

  constructor(stack: LayerStack, above: Below | undefined, name: string) {
    this.stack = stack
    this.above = above
    this.name = name
  }

  /** Nothing at all: what is there is hidden. */
  static hidden(stack: LayerStack): Below {
    const below = new Below(stack, undefined, '')
    below.asked = true
    return below
  }

  /** The object there; undefined for none, or a hidden one. Throws FsError. */
  get object(): StackObject | undefined {
    const chain: Below[] = []
    for (let at: Below | undefined = this; at?.asked === false; at = at.above)
      chain.push(at)
    for (const below of chain.reverse()) below.ask()
    return this.found
  }

  get directory(): StackDirectory | undefined {
    return this.object?.directory
  }

  private ask(): void {
    this.asked = true
    if (this.above === undefined) this.found = rootObject(this.stack)
    else if (this.above.found?.directory !== undefined)
      this.found = this.stack.lookup(this.above.found.directory, this.name)
  }
}

function rootObject(stack: LayerStack): StackObject | undefined {
  const directory = stack.root()
  const [layer] = directory?.layers ?? []
  if (directory === undefined || layer === undefined) return undefined
  const record = statRecords(1)
  const error = statx(layer, '', AT_EMPTY_PATH, record, 0)
  if (error < 0) throw new FsError(error, 'statx', '/')
  return { layer, path: '', record, directory }
}

/** Completes the directories of a layer, the root last. Throws FsError. */
export function finishDirectories(u: Unpacking): void {
  const { root } = u.tree
  const below = new Below(u.stack, undefined, '')
  if (root.opaque) hideAllBelow(u, root, below)
  finish(u, root, below)
}

/**
 * The root of an overlay merges all layers, whatever it is marked with (ovl_get_root): an opaque one
 * is spelled as a whiteout for each name below.
 */
function hideAllBelow(u: Unpacking, root: UnpackDirectory, below: Below): void {
  root.opaque = false
  if (below.directory === undefined) return
  root.whiteouts ??= new Set()
  for (const name of u.stack.names(below.directory)) root.whiteouts.add(name)
}

/** @param below what the layers below show in the directory's place. */
function finish(u: Unpacking, directory: UnpackDirectory, below: Below): void {
  const nothing = Below.hidden(u.stack)
  const inside = directory.opaque ? nothing : below
  for (const [name, child] of directory.children) {
    const lower = new Below(u.stack, inside, name)
    if (directory.whiteouts?.has(name) !== true) finish(u, child, lower)
    else {
      // A whiteout beside a directory of the same name: it is new, and shows nothing from below.
      if (lower.directory !== undefined) markOpaque(u, child)
      finish(u, child, nothing)
    }
  }
  if (directory.opaque && below.directory !== undefined) markOpaque(u, directory)
  for (const name of directory.whiteouts ?? []) hide(u, directory, name, inside)
  setAttributes(u, directory, below)
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
function setAttributes(u: Unpacking, directory: UnpackDirectory, below: Below): void {
  const fd = u.tree.fd(directory)
  const { header } = directory
  if (header !== undefined) {
    const { uid, gid } = header
    const mode = S_IFDIR | (header.mode & 0o7777)
    u.ownership.apply(fd, '.', { uid, gid, mode, rdev: 0 }, -1)
    u.attributes.write(fd, '.', header.xattrs)
    writeTimes(fd, '.', header)
    return
  }
  const lower = below.object
  if (lower?.directory !== undefined) inherit(u, fd, lower)
  else {
    const mode = S_IFDIR | DEFAULT_MODE
    u.ownership.apply(fd, '.', { uid: 0, gid: 0, mode, rdev: 0 }, -1)
    setTimes(fd, '.', EPOCH, EPOCH)
  }
}

/** A directory that only stands above entries stays as the layers below have it. */
function inherit(u: Unpacking, fd: number, lower: StackObject): void {
  const { dirfd, name } = u.stack.reach(lower)
  const { record } = lower
  const owned = Uint32Array.from(record)
  if (u.ownership.attribute !== null)
    applyOverride(u.ownership.attribute, dirfd, name, owned)
  const uid = owned[ST.uid] ?? 0
  const gid = owned[ST.gid] ?? 0
  u.ownership.apply(fd, '.', { uid, gid, mode: statMode(owned), rdev: 0 }, -1)
  u.attributes.copy(dirfd, name, fd, '.', false)
  copyTimes(fd, '.', record)
}
