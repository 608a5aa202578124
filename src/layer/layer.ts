// One layer: a directory tree behind a descriptor of its own. Lower layers are reached through
// a private, detached, read-only, noatime clone of their mount where we are privileged, as
// ovl_get_layers does with clone_private_mount: then no descriptor of ours can write there, and
// nothing mounted over the tree is seen.
import { E } from '../errno/errno.js'
import { FsError } from '../errno/fs-error.js'
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  FUSE_SUPER_MAGIC,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_RDONLY,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
  O_DIRECTORY,
  O_PATH,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../sys/constants.js'
import { openat2 } from '../sys/file.js'
import { filesystemType } from './filesystem-type.js'
import { close, getfsuuid, isArchived, name_to_handle_at, statx } from './object-calls.js'
import { mount_setattr, open_tree } from '../sys/mount.js'
import { isSameFile, ST, STAT_WORDS, statRecords } from '../sys/stat.js'
import type { ArchivedOrigin } from './archive-layer/archived-lowers.js'
import { LayerDirectory } from './layer-directory.js'

/** A layer that has been opened; the root descriptor is open until `closeLayer`. */
export class Layer {
  /** Place in the overlay: 0 is the upper, lowers follow from the top, data-only ones last. */
  index = 0
  /** Number of its filesystem among those of the overlay, 0 for the upper's (ovl_get_fsid). */
  fsid = 0
  /** The attribute that holds owners and modes here; null where the inodes do. */
  override: string | null = null
  /** Where it comes from, of a layer in an archive. */
  origin: ArchivedOrigin | null = null
  readonly root: LayerDirectory
  readonly uuid: Buffer
  /** Handles of any filesystem are taken for this one's (uuid=off: there is only one). */
  anyUuid = false
  /** File handles can be made here and opened again: what `origin` and the index need. */
  hasHandles: boolean
  readonly devLow: number
  readonly devHigh: number

  /** As the user named it, for messages. */
  readonly path: string
  readonly rootFd: number
  /** Keeps a detached mount alive; -1 without one. */
  private readonly treeFd: number

  constructor(path: string, rootFd: number, treeFd: number) {
    this.path = path
    this.rootFd = rootFd
    this.treeFd = treeFd
    this.root = new LayerDirectory(this, null, '')
    this.uuid = Buffer.alloc(16)
    // A filesystem without a UUID counts as one with the null UUID (ovl_lower_uuid_ok).
    getfsuuid(rootFd, this.uuid)
    const handle = Buffer.alloc(136)
    const mountId = new Int32Array(1)
    this.hasHandles =
      !forgetsHandles(rootFd) &&
      name_to_handle_at(rootFd, '', handle, mountId, AT_EMPTY_PATH) > 0
    const stat = new Uint32Array(STAT_WORDS)
    const error = statx(rootFd, '', AT_EMPTY_PATH, stat, 0)
    if (error < 0) throw new FsError(error, 'statx', path)
    this.devLow = stat[ST.dev] ?? 0
    this.devHigh = stat[ST.dev + 1] ?? 0
  }

  /** Its objects lie in an archive. */
  get isArchived(): boolean {
    return this.origin !== null
  }

  /** Whether a handle with this UUID is of this layer's filesystem. */
  hasUuid(uuid: Uint8Array): boolean {
    return this.anyUuid || this.uuid.equals(uuid)
  }

  isOnFilesystemOf(other: Layer): boolean {
    return this.devLow === other.devLow && this.devHigh === other.devHigh
  }

  close(): void {
    close(this.rootFd)
    if (this.treeFd >= 0) close(this.treeFd)
  }
}

const LOWER = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME | MOUNT_ATTR_NODEV

/** Opens a lower layer. Throws FsError where the directory cannot be opened. */
export function openLower(path: string): Layer {
  const tree = cloneMount(path, LOWER)
  return new Layer(path, openRoot(tree, path, tree < 0 ? AT_FDCWD : tree), tree)
}

/**
 * Opens lower layers, those that lie in one mount through one clone of it: a mount costs more to
 * make and to end than all else about a layer. Throws FsError where a directory cannot be opened;
 * none stays open then.
 * @param paths absolute.
 */
export function openLowers(paths: readonly string[]): Layer[] {
  const layers: Layer[] = []
  const base = paths.reduce(commonAncestor, paths[0] ?? '/')
  const tree = paths.length > 1 ? cloneMount(base, LOWER) : -1
  let isKept = tree < 0
  try {
    for (const path of paths) {
      const fd = tree < 0 ? -E.EXDEV : openThrough(tree, base, path)
      if (fd < 0) layers.push(openLower(path))
      else layers.push(new Layer(path, fd, isKept ? -1 : tree))
      isKept ||= fd >= 0
    }
    if (!isKept) close(tree)
    return layers
  } catch (error) {
    for (const layer of layers) layer.close()
    if (!isKept) close(tree)
    throw error
  }
}

/**
 * A directory below the root of a clone, or -errno; EXDEV where the path leads elsewhere: through a
 * symlink, or onto another mount, which the clone does not have.
 */
function openThrough(tree: number, base: string, path: string): number {
  const below = path.slice(base.length).replace(/^\/+/, '') || '.'
  const how = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS
  const fd = openat2(tree, below, O_RDONLY | O_DIRECTORY, 0, how)
  if (fd < 0) return fd
  const records = statRecords(2)
  const isSame =
    statx(fd, '', AT_EMPTY_PATH, records, 0) === 0 &&
    statx(AT_FDCWD, path, 0, records, STAT_WORDS) === 0 &&
    isSameFile(records, 0, records, STAT_WORDS)
  if (isSame) return fd
  close(fd)
  return -E.EXDEV
}

/**
 * Opens the upper layer and the work directory through one clone of their mount, since a rename
 * between two mounts is EXDEV. Both paths must be absolute and free of symlinks. `atime` is the
 * MOUNT_ATTR_ value of the union's own access-time rule, which the clone then follows.
 */
export function openUpper(
  upper: string,
  work: string,
  atime: number,
): { upper: Layer; work: Layer } {
  const base = commonAncestor(upper, work)
  const tree = cloneMount(base, atime)
  const open = (path: string, keptTree: number): Layer => {
    const below = path.slice(base.length).replace(/^\/+/, '')
    const fd =
      tree < 0 || below === ''
        ? -E.EXDEV
        : openat2(
            tree,
            below,
            O_RDONLY | O_DIRECTORY,
            0,
            RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
          )
    return new Layer(path, fd >= 0 ? fd : openRoot(-1, path, AT_FDCWD), keptTree)
  }
  return { upper: open(upper, tree), work: open(work, -1) }
}

/** open_tree(2) with OPEN_TREE_CLONE; -1 without the privilege or on kernels before 5.12. */
function cloneMount(path: string, attributes: number): number {
  const tree = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC)
  if (tree < 0) return -1
  // The access-time attributes are one field: what is set of it must be cleared as a whole.
  const error = mount_setattr(
    tree,
    '',
    AT_EMPTY_PATH,
    attributes,
    MOUNT_ATTR__ATIME,
    0,
    0,
  )
  if (error >= 0) return tree
  close(tree)
  return -1
}

/**
 * A FUSE filesystem gives handles that say which node of its server is meant, a number that is
 * given anew when the kernel has forgotten the inode (fuse_encode_fh).
 */
function forgetsHandles(rootFd: number): boolean {
  return !isArchived(rootFd) && filesystemType(rootFd) === FUSE_SUPER_MAGIC
}

/** A readable descriptor of a layer's root, a path-only one where it may not be read. */
function openRoot(tree: number, path: string, dirfd: number): number {
  const name = tree < 0 ? path : '.'
  let fd = openat2(dirfd, name, O_RDONLY | O_DIRECTORY, 0, 0)
  if (fd === -E.EACCES) fd = openat2(dirfd, name, O_PATH | O_DIRECTORY, 0, 0)
  if (fd >= 0) return fd
  if (tree >= 0) close(tree)
  throw new FsError(fd, 'open', path)
}

/** The deepest directory that two absolute paths share. */
function commonAncestor(one: string, other: string): string {
  const a = one.split('/')
  const b = other.split('/')
  let shared = 0
  while (shared < a.length && shared < b.length && a[shared] === b[shared]) shared++
  return a.slice(0, shared).join('/') || '/'
}
