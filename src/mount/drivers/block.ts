// The driver `block`: a filesystem image for each layer, a reflink of the one below that has the
// layer laid over its tree, and one more for each writable layer: ext4 on a sparse file on a loop
// device. Copy-on-write is by blocks, as with Docker's devicemapper. The store has to lie on a
// filesystem with reflinks.
import { execFileSync } from 'node:child_process'
import * as fs from 'node:fs'
import { E } from '../../errno/errno.js'
import { describeErrno, FsError } from '../../errno/fs-error.js'
import { recordTree, verifyTree } from '../../image/flat/flat-trees.js'
import { hasCode } from '../../image/store/replace-file.js'
import { openScratch } from '../../image/store/scratch.js'
import { nodePath } from '../../image/store/store-place.js'
import type { LayerMaker } from '../../image/store/writable.js'
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  LOCK_EX,
  LOCK_NB,
  MS_RDONLY,
  O_CREAT,
  O_EXCL,
  O_RDONLY,
  O_RDWR,
} from '../../sys/constants.js'
import { close, ficlone, flock, openat2 } from '../../sys/file.js'
import { unlinkat } from '../../sys/inode.js'
import { attachLoop } from '../../sys/loop.js'
import { MountError } from '../mount-error.js'
import { openFilesystem, setFlags } from './detached.js'
import type { Driver, DriverContext } from './driver.js'
import { ensureChain, layPile, type Pile } from './flat-image.js'
import { loopDeviceOf } from './find-mounts.js'
import { MountBusy } from './when-free.js'

/** What a program sees as the size of its disk. The file is sparse: it costs what is in it. */
const DISK_BYTES = 64 * 2 ** 30

/**
 * Values of attributes may be as large as on other filesystems (ea_inode), the journal is small, and
 * nothing is zeroed that reads as zeros anyway. Names of any bytes, so no casefolding.
 */
const MKFS = [
  ...['-q', '-F', '-t', 'ext4', '-m', '0', '-I', '256', '-O', 'ea_inode,^resize_inode'],
  ...['-J', 'size=32', '-E', 'lazy_itable_init=1,lazy_journal_init=1,nodiscard'],
]

export class Block implements Driver {
  readonly isFilesystem = true
  readonly layers: LayerMaker = {
    kind: 'block',
    make: folder => {
      cloneDisk(this.folder, folder)
      const inventory = nodePath(`${this.folder}/inventory`)
      fs.copyFileSync(inventory, nodePath(`${folder}/inventory`))
    },
  }
  private readonly context: DriverContext
  private folder = ''

  constructor(context: DriverContext) {
    this.context = context
  }

  async prepare(): Promise<void> {
    const { store } = this.context
    await store.whileAdding(() => {
      refuseWithoutReflinks(store.place)
      return Promise.resolve()
    })
    this.folder = await ensureChain(
      this.context,
      'block',
      true,
      (folder, below, pile) => {
        if (below === null) makeDisk(folder)
        else cloneDisk(below, folder)
        this.lay(folder, pile)
      },
    )
    if (fs.existsSync(nodePath(`${this.folder}/inventory`))) return
    const tree = this.openImage()
    recordTree(this.folder, tree)
    close(tree)
  }

  openImage(): number {
    return openDisk(`${this.folder}/disk`, 'frozen')
  }

  verify(mount: number): Promise<void> {
    return verifyTree(this.folder, mount, this.context.verify)
  }

  openWritable(folder: string): number {
    return openDisk(`${folder}/disk`, 'writable')
  }

  private lay(folder: string, pile: Pile): void {
    const tree = openDisk(`${folder}/disk`, 'writable')
    try {
      // Made by mkfs for fsck, and nothing of the image's.
      unlinkat(tree, 'lost+found', AT_REMOVEDIR)
      layPile(this.context, pile, `/proc/self/fd/${tree}/.`)
    } finally {
      close(tree)
    }
  }
}

/**
 * The filesystem of an image file, mounted without a place.
 * @param how `frozen`: neither it nor its file are changed; `read-only`: its journal is followed up.
 */
export function openDisk(path: string, how: 'frozen' | 'read-only' | 'writable'): number {
  const flags = how === 'frozen' ? O_RDONLY : O_RDWR
  const file = openat2(AT_FDCWD, path, flags, 0, 0)
  if (file < 0) throw new FsError(file, 'open', path)
  if (how !== 'frozen') lockDisk(file, path)
  const device = attachLoop(file, path, how === 'frozen')
  close(file)
  if (typeof device === 'number')
    throw new MountError(
      `no loop device for ${path}: ${describeErrno(device)}`,
      'load the module (modprobe loop), give the container /dev/loop-control and /dev/loop*, or use another --driver',
    )
  try {
    return openFilesystem('ext4', [
      ['source', device.path],
      ['noinit_itable', null],
      ...(how === 'writable' ? [] : ([['ro', null]] as const)),
    ])
  } finally {
    close(device.fd)
  }
}

/**
 * Two mounts of one disk that know nothing of each other would destroy it. The loop device has the
 * same open file, and with it the lock, until the kernel frees it.
 */
function lockDisk(file: number, path: string): void {
  const error = flock(file, LOCK_EX | LOCK_NB)
  if (error >= 0) return
  close(file)
  if (error !== -E.EAGAIN) throw new FsError(error, 'flock', path)
  throw new MountBusy(`${path} is on a loop device already`, 'unmount it first')
}

/**
 * The filesystem of a writable layer's disk for reading, also while it is mounted: then it is that
 * mount's own, without what is mounted in it. Throws a MountBusy while one is coming or going.
 */
export function openForReading(path: string): number {
  try {
    return openDisk(path, 'read-only')
  } catch (error) {
    const tree = error instanceof MountBusy ? openMounted(path) : null
    if (tree === null) throw error
    return tree
  }
}

/** null where no loop device has the file. */
function openMounted(path: string): number | null {
  const device = loopDeviceOf(path)
  if (device === null) return null
  // From here on it stays what it is.
  const held = openat2(AT_FDCWD, device, O_RDONLY, 0, 0)
  if (held < 0) throw new FsError(held, 'open', device)
  try {
    if (loopDeviceOf(path) !== device) return null
    const tree = openAlike(device)
    setFlags(tree, MS_RDONLY)
    return tree
  } finally {
    close(held)
  }
}

/** A mount joins one that is there only when it is as writable (get_tree_bdev). */
function openAlike(device: string): number {
  try {
    return openFilesystem('ext4', [['source', device]])
  } catch (error) {
    if (!(error instanceof MountBusy)) throw error
    return openFilesystem('ext4', [
      ['source', device],
      ['ro', null],
    ])
  }
}

function makeDisk(folder: string): void {
  const disk = `${folder}/disk`
  fs.writeFileSync(nodePath(disk), '', { mode: 0o600, flag: 'wx' })
  fs.truncateSync(nodePath(disk), DISK_BYTES)
  try {
    // The folder is bytes, which a command line of Node's cannot have.
    execFileSync('mkfs.ext4', [...MKFS, 'disk'], {
      cwd: fs.realpathSync(nodePath(folder)),
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` },
    })
  } catch (error) {
    if (hasCode(error, 'ENOENT'))
      throw new MountError(
        'mkfs.ext4 is not installed',
        'install e2fsprogs, or use another --driver',
      )
    const text = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
    throw new MountError(
      `mkfs.ext4 failed: ${text.trim().replace(/\s*\n\s*/g, ', ')}`,
      'see that the disk of the store has space',
    )
  }
}

function cloneDisk(below: string, folder: string): void {
  const from = openat2(AT_FDCWD, `${below}/disk`, O_RDONLY, 0, 0)
  if (from < 0) throw new FsError(from, 'open', `${below}/disk`)
  try {
    cloneTo(from, `${folder}/disk`, folder)
  } finally {
    close(from)
  }
}

function cloneTo(from: number, path: string, folder: string): void {
  const to = openat2(AT_FDCWD, path, O_RDWR | O_CREAT | O_EXCL, 0o600, 0)
  if (to < 0) throw new FsError(to, 'open', path)
  const result = ficlone(to, from)
  close(to)
  if (result >= 0) return
  const reasons: readonly number[] = [E.EOPNOTSUPP, E.EINVAL, E.ENOTTY, E.ENOSYS]
  if (!reasons.includes(-result)) throw new FsError(result, 'ioctl FICLONE', path)
  throw new MountError(
    `the store's filesystem has no reflinks (${folder})`,
    'put the store on xfs or btrfs (--root DIR), or use another --driver',
  )
}

/** Asked before anything is made, by trying. */
function refuseWithoutReflinks({
  incoming,
  root,
}: {
  incoming: string
  root: string
}): void {
  const one = openScratch(incoming, 'reflink')
  try {
    fs.writeFileSync(nodePath(one.path), Buffer.alloc(4096))
    const from = openat2(AT_FDCWD, one.path, O_RDONLY, 0, 0)
    if (from < 0) throw new FsError(from, 'open', one.path)
    try {
      cloneTo(from, `${one.path}-copy`, root)
    } finally {
      close(from)
      fs.rmSync(nodePath(`${one.path}-copy`), { force: true })
    }
  } finally {
    one.remove()
  }
}
