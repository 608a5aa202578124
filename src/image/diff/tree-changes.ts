// What was changed in a whole tree since its inventory was made, path by path, as changesOf tells it
// of an upper directory: added, changed, deleted. Reads the tree, changes nothing.
import { FsError } from '../../errno/fs-error.js'
import { Layer } from '../../layer/layer.js'
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { statx } from '../../sys/inode.js'
import { isDirectory, statRecords } from '../../sys/stat.js'
import { compareInventory, type Deviation } from '../inventory/compare-inventory.js'
import { finished } from '../inventory/digest-contents.js'
import { Inventory } from '../inventory/inventory.js'
import { ImageError } from '../model/errors.js'
import { listNames } from '../store/list-names.js'
import type { Change } from './changes.js'
import { depthBelow } from './depth.js'

/** What alone makes a directory a changed one, as its names do. */
const SHOWN = /\b(type|mode|owner|group|modification time)\b/

/**
 * The changes, in the order of their paths' bytes. A directory is changed when its owner, mode or
 * time are, or anything in it; anything else when its change time is.
 * @param tree latin1 bytes. @param inventory the file that tells what it was.
 * @param directories `all`: also those of which nothing but the change time has changed.
 * @throws FsError, or ImageError `store` for an inventory that cannot be read.
 */
export function changesSince(
  tree: string,
  inventory: string,
  directories: 'shown' | 'all' = 'shown',
): Change[] {
  const recorded = Inventory.read(inventory, false)
  if (typeof recorded === 'string')
    throw new ImageError('store', `${inventory} is ${recorded}: nobody knows what it was`)
  const fd = openFolder(AT_FDCWD, tree, 0)
  const layer = new Layer(tree, fd, -1)
  try {
    return new TreeChanges(fd, directories === 'all').of(
      finished(compareInventory(layer, recorded, false, Infinity)),
    )
  } finally {
    layer.close()
  }
}

class TreeChanges {
  private readonly root: number
  private readonly all: boolean
  private readonly kinds = new Map<string, Change['kind']>()

  constructor(root: number, all: boolean) {
    this.root = root
    this.all = all
  }

  of(deviations: readonly Deviation[]): Change[] {
    for (const one of deviations) this.tell(one)
    this.kinds.delete('/')
    return [...this.kinds]
      .map(([path, kind]) => ({ kind, path }))
      .toSorted((one, two) => (one.path < two.path ? -1 : one.path > two.path ? 1 : 0))
  }

  private tell({ path, what }: Deviation): void {
    if (what === 'missing') this.note(path, 'D')
    else if (what === 'added') this.note(path, 'A')
    else if (this.all || SHOWN.test(what) || !this.isFolder(path)) this.note(path, 'C')
    else return
    // A directory where there was none, or something else, is new with all that is in it.
    const isNew = what === 'added' || /\btype\b/.test(what)
    if (isNew && this.isFolder(path))
      this.added(this.open(path), path, path.split('/').length - 1)
  }

  /** Tells everything below a new directory, whose descriptor is closed. */
  private added(fd: number, path: string, depth: number): void {
    try {
      const below = depthBelow(depth, path)
      for (const name of listNames(fd)) {
        const inside = `${path}/${name}`
        this.kinds.set(inside, 'A')
        if (isFolder(fd, name))
          this.added(openFolder(fd, name, O_NOFOLLOW), inside, below)
      }
    } finally {
      close(fd)
    }
  }

  /** Every directory above a change is a changed one. */
  private note(path: string, kind: Change['kind']): void {
    this.kinds.set(path, kind)
    for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
      const above = path.slice(0, end)
      if (this.kinds.has(above)) return
      this.kinds.set(above, 'C')
    }
  }

  private isFolder(path: string): boolean {
    const slash = path.lastIndexOf('/')
    const parent = this.open(path.slice(0, slash))
    try {
      return isFolder(parent, path.slice(slash + 1) || '.')
    } finally {
      close(parent)
    }
  }

  /** One component at a time: a path may be longer than the kernel takes. */
  private open(path: string): number {
    let at = openFolder(this.root, '.', 0)
    for (const name of path.split('/').filter(part => part !== '')) {
      const above = at
      try {
        at = openFolder(above, name, O_NOFOLLOW)
      } finally {
        close(above)
      }
    }
    return at
  }
}

function openFolder(dirfd: number, name: string, more: number): number {
  const fd = openat2(dirfd, name, O_RDONLY | O_DIRECTORY | more, 0, 0)
  if (fd < 0) throw new FsError(fd, 'open', name)
  return fd
}

function isFolder(dirfd: number, name: string): boolean {
  const record = statRecords(1)
  const error = statx(dirfd, name, AT_SYMLINK_NOFOLLOW, record, 0)
  if (error < 0) throw new FsError(error, 'statx', name)
  return isDirectory(record)
}
