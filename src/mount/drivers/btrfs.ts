// The driver `btrfs`: a subvolume for each layer, a snapshot of the one below with the layer laid
// over it, and a snapshot for each writable layer. The store has to lie on btrfs.
import * as fs from 'node:fs'
import { FsError } from '../../errno/fs-error.js'
import { nodePath } from '../../image/store/store-place.js'
import type { LayerMaker } from '../../image/store/writable.js'
import { createSnapshot, createSubvolume } from '../../sys/btrfs.js'
import {
  AT_FDCWD,
  BTRFS_SUPER_MAGIC,
  O_DIRECTORY,
  O_RDONLY,
} from '../../sys/constants.js'
import { close, openat2 } from '../../sys/file.js'
import { MountError } from '../mount-error.js'
import { openBind } from './detached.js'
import type { Driver, DriverContext } from './driver.js'
import { recordRoot, verifyTree } from '../../image/flat/flat-trees.js'
import { ensureChain, layPile } from './flat-image.js'
import { filesystemOf } from './filesystem-of.js'

export class Btrfs implements Driver {
  readonly isFilesystem = false
  readonly layers: LayerMaker = {
    kind: 'btrfs',
    make: folder => {
      snapshot(folder, this.folder)
      const inventory = nodePath(`${this.folder}/inventory`)
      fs.copyFileSync(inventory, nodePath(`${folder}/inventory`))
    },
  }
  private readonly context: DriverContext
  private folder = ''

  constructor(context: DriverContext) {
    this.context = context
    const { root } = context.store.place
    if (filesystemOf(root) !== BTRFS_SUPER_MAGIC)
      throw new MountError(
        `the store ${root} does not lie on btrfs`,
        'put it on btrfs (--root DIR), or use another --driver',
      )
  }

  async prepare(): Promise<void> {
    this.folder = await ensureChain(
      this.context,
      'btrfs',
      true,
      (folder, below, pile) => {
        snapshot(folder, below)
        layPile(this.context, pile, `${folder}/tree`)
      },
    )
    recordRoot(this.folder, `${this.folder}/tree`)
  }

  openImage(): number {
    return openBind(`${this.folder}/tree`)
  }

  verify(mount: number): Promise<void> {
    return verifyTree(this.folder, mount, this.context.verify)
  }

  openWritable(folder: string): number {
    return openBind(`${folder}/tree`)
  }
}

/** `tree` in a folder: of the tree in another, or empty. */
function snapshot(folder: string, below: string | null): void {
  const to = openFolder(folder)
  try {
    if (below === null) check(createSubvolume(to, 'tree'), folder)
    else {
      const from = openFolder(`${below}/tree`)
      const result = createSnapshot(to, 'tree', from)
      close(from)
      check(result, folder)
    }
  } finally {
    close(to)
  }
}

function openFolder(path: string): number {
  return check(openat2(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, 0), path)
}

function check(result: number, path: string): number {
  if (result < 0) throw new FsError(result, 'btrfs subvolume', path)
  return result
}
