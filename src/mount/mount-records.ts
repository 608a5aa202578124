// Mounts whose server may die without taking them away: what it has mounted, noted in the store, so
// that whoever comes next takes away what is dead. A note is true for one boot and one mount: the
// number that it is known by is never given to another.
import * as fs from 'node:fs'
import { hasCode, readIfThere } from '../image/store/replace-file.js'
import { type StoreLock, tryLock } from '../image/store/store-lock.js'
import { nodePath, type StorePlace } from '../image/store/store-place.js'
import { log } from '../log/log.js'
import {
  AT_FDCWD,
  MNT_DETACH,
  O_DIRECTORY,
  O_PATH,
  UMOUNT_NOFOLLOW,
} from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { uniqueMountId } from '../sys/inode.js'
import { umount2 } from '../sys/mount.js'
import { describeErrno } from '../errno/fs-error.js'
import { unmountByFusermount } from './fusermount.js'
import { type MountEntry, readMountinfo } from './mountinfo.js'

/** What is known of one mount. Names are latin1 strings of bytes. */
interface MountNote {
  readonly boot: string
  /** The mount namespace, as its link in /proc names it. */
  readonly namespace: string
  readonly mountPoint: string
  readonly device: string
  /** STATX_MNT_ID_UNIQUE; null where the kernel has none. */
  readonly unique: number | null
}

/** The notes of one server, which holds their lock. */
export class MountRecords {
  private readonly folder: string
  private readonly lock: StoreLock

  private constructor(folder: string, lock: StoreLock) {
    this.folder = folder
    this.lock = lock
  }

  /** null while another server has them. Takes away what one that died has left. */
  static open(place: StorePlace): MountRecords | null {
    const folder = mountsFolder(place)
    fs.mkdirSync(nodePath(folder), { recursive: true, mode: 0o700 })
    const lock = tryLock(`${folder}.lock`, 'exclusive')
    if (lock === null) return null
    sweep(folder)
    return new MountRecords(folder, lock)
  }

  /** Notes what has just been mounted there; its server is asked nothing. */
  note(key: string, { mountPoint, device }: MountEntry): void {
    const unique = uniqueAt(mountPoint)
    const note: MountNote = {
      boot: boot(),
      namespace: namespace(),
      mountPoint,
      device,
      unique,
    }
    const path = `${this.folder}/${key}`
    // It is worth nothing after the next boot, so nothing waits for the disk.
    fs.writeFileSync(nodePath(`${path}.new`), JSON.stringify(note), 'latin1')
    fs.renameSync(nodePath(`${path}.new`), nodePath(path))
  }

  forget(key: string): void {
    fs.rmSync(nodePath(`${this.folder}/${key}`), { force: true })
  }

  release(): void {
    this.lock.release()
  }
}

/** Takes away the mounts of a server that has died; does nothing while one lives. */
export function sweepMounts(place: StorePlace): void {
  const folder = mountsFolder(place)
  if (!fs.existsSync(nodePath(folder))) return
  const lock = tryLock(`${folder}.lock`, 'exclusive')
  if (lock === null) return
  try {
    sweep(folder)
  } finally {
    lock.release()
  }
}

function mountsFolder(place: StorePlace): string {
  return `${place.root}/mounts`
}

/** Under the lock. */
function sweep(folder: string): void {
  for (const key of fs.readdirSync(nodePath(folder), 'latin1')) {
    const path = `${folder}/${key}`
    const note = readNote(path)
    if (note === null || !isElsewhere(note)) {
      if (note !== null) takeAway(note)
      fs.rmSync(nodePath(path), { force: true })
    }
  }
}

/** null for one that was never whole. */
function readNote(path: string): MountNote | null {
  try {
    return JSON.parse(readIfThere(path)?.toString('latin1') ?? 'null') as MountNote | null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

/** In another mount namespace of this boot, whose mounts cannot be seen from here. */
function isElsewhere(note: MountNote): boolean {
  return note.boot === boot() && note.namespace !== namespace()
}

function takeAway(note: MountNote): void {
  if (note.boot !== boot() || !isStillThere(note)) return
  const { mountPoint } = note
  const result = umount2(mountPoint, UMOUNT_NOFOLLOW | MNT_DETACH)
  if (result >= 0 || unmountByFusermount(mountPoint, true) === null) return
  log.warn(`cannot take away the dead mount ${mountPoint}: ${describeErrno(result)}`)
}

/** Whether what is on top at the mount point is the mount of the note. */
function isStillThere({ mountPoint, device, unique }: MountNote): boolean {
  const entry = readMountinfo().findLast(one => one.mountPoint === mountPoint)
  if (entry?.device !== device || !entry.type.startsWith('fuse')) return false
  if (unique !== null) return uniqueAt(mountPoint) === unique
  try {
    fs.statfsSync(nodePath(mountPoint))
    return false
  } catch (error) {
    return hasCode(error, 'ENOTCONN')
  }
}

/** Without a word to who serves what is mounted there. */
function uniqueAt(mountPoint: string): number | null {
  const fd = openat2(AT_FDCWD, mountPoint, O_PATH | O_DIRECTORY, 0, 0)
  if (fd < 0) return null
  const id = uniqueMountId(fd)
  close(fd)
  return id < 0 ? null : id
}

function boot(): string {
  return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
}

function namespace(): string {
  return fs.readlinkSync('/proc/self/ns/mnt')
}
