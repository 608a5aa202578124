// Owner, mode and type of what is unpacked: on the inode where we may set them, else in the
// attribute that stands for them (`user.containers.override_stat`), with a plain file in the place
// of a device.
import { readFileSync } from 'node:fs'
import { FsError } from '../../errno/fs-error.js'
import {
  isStoredAsFile,
  overrideToWrite,
  writeOverride,
} from '../../layer/owner-override.js'
import {
  AT_SYMLINK_NOFOLLOW,
  CAP_CHOWN,
  CAP_FOWNER,
  CAP_MKNOD,
  S_IFDIR,
  S_IFLNK,
  S_IFMT,
} from '../../sys/constants.js'
import { capget } from '../../sys/credentials.js'
import { fchmodat, fchownat } from '../../sys/inode.js'
import { ST, statRecords } from '../../sys/stat.js'
import { Refusal } from '../../layer/refusal.js'

/** Where owners and modes go. */
export type OwnersIn = 'inode' | 'attribute'

/** (uid_t) -1 means "leave it" to the kernel, and is nobody's id. */
const NO_ID = 0xffff_ffff

export interface Owner {
  readonly uid: number
  readonly gid: number
  /** Type and permission bits. */
  readonly mode: number
  /** In new_encode_dev form. */
  readonly rdev: number
}

export class Ownership {
  /** The attribute that is written; null where inodes hold it all. */
  readonly attribute: string | null
  private readonly uid = process.geteuid?.() ?? 0
  private readonly gid = process.getegid?.() ?? 0
  private readonly umask: number
  /** New files have another group than ours: a set-group-id directory is above. */
  private readonly foreignGroup: boolean
  private readonly record = statRecords(1)

  /** @param groupOfRoot the group that the layer's root directory has now. */
  constructor(where: OwnersIn, groupOfRoot: number) {
    this.attribute = where === 'inode' ? null : overrideToWrite(2)
    this.foreignGroup = groupOfRoot !== this.gid
    this.umask = currentUmask()
  }

  /** The mode to create an object with; `apply` then has the least to do. */
  creationMode(mode: number): number {
    return mode & 0o777
  }

  /** The type that is made on disk for an object. */
  madeAsFile(mode: number): boolean {
    return this.attribute !== null && isStoredAsFile(this.attribute, mode)
  }

  /**
   * Gives a new object its owner and mode.
   * @param created the permission bits that it was created with; -1 for it is not known which.
   * @throws FsError, or Refusal for ids that cannot be.
   */
  apply(dirfd: number, name: string, owner: Owner, created: number): void {
    const { uid, gid, mode } = owner
    if (!isId(uid) || !isId(gid))
      throw new Refusal('malformed', `an owner ${uid}:${gid} that cannot be`)
    if (this.attribute !== null) {
      this.applyAttribute(this.attribute, dirfd, name, owner)
      return
    }
    if (uid !== this.uid || gid !== this.gid || this.foreignGroup)
      must('chown', name, fchownat(dirfd, name, uid, gid, AT_SYMLINK_NOFOLLOW))
    if ((mode & S_IFMT) === S_IFLNK) return
    if (created >= 0 && (created & ~this.umask) === (mode & 0o7777)) return
    must('chmod', name, fchmodat(dirfd, name, mode & 0o7777, 0))
  }

  /** Its user can always read and write what stands for it, and no set-id bit is a real one. */
  private applyAttribute(
    attribute: string,
    dirfd: number,
    name: string,
    { uid, gid, mode, rdev }: Owner,
  ): void {
    // Symlinks have no `user.` attributes: their owner is lost, as containers/storage loses it.
    if ((mode & S_IFMT) === S_IFLNK) return
    const access = (mode & S_IFMT) === S_IFDIR ? 0o700 : 0o600
    must('chmod', name, fchmodat(dirfd, name, (mode & 0o777) | access, 0))
    this.record[ST.uid] = uid
    this.record[ST.gid] = gid
    this.record[ST.mode] = mode
    this.record[ST.rdev] = rdev
    must('setxattr', name, writeOverride(attribute, dirfd, name, this.record))
  }
}

/** Whether this process may set any owner and make any node. */
export function ownersByPrivilege(): OwnersIn {
  const sets = new Uint32Array(6)
  if (capget(sets) < 0) return 'attribute'
  const may = (capability: number): boolean => ((sets[0] ?? 0) & (1 << capability)) !== 0
  return may(CAP_CHOWN) && may(CAP_FOWNER) && may(CAP_MKNOD) ? 'inode' : 'attribute'
}

let umask: number | undefined

/** The umask, which nothing here changes. */
function currentUmask(): number {
  return (umask ??= readUmask())
}

/** umask(2) can only be asked by changing it, for all threads; proc(5) knows it since Linux 4.7. */
function readUmask(): number {
  const status = readFileSync('/proc/thread-self/status', 'latin1')
  const mask = /^Umask:\s*([0-7]+)$/m.exec(status)?.[1]
  // Where it is not told, every mode is set once more.
  return mask === undefined ? 0o777 : parseInt(mask, 8)
}

function isId(id: number): boolean {
  return id >= 0 && id < NO_ID
}

function must(call: string, name: string, result: number): void {
  if (result < 0) throw new FsError(result, call, name)
}
