// The place of a driver's mount, from before anything is mounted there: signals take away what stands
// there at the time, and nothing else, also while it is still being checked.
import { E, errnoName } from '../../errno/errno.js'
import { log } from '../../log/log.js'
import { close } from '../../sys/file.js'
import { MountError } from '../mount-error.js'
import { StandingMount } from './standing-mount.js'

export class MountPlace {
  private readonly mountPoint: string
  private readonly isFilesystem: boolean
  private standing: StandingMount | null = null
  private endedBy: string | null = null

  /** @param isFilesystem as StandingMount has it. */
  constructor(mountPoint: string, isFilesystem: boolean) {
    this.mountPoint = mountPoint
    this.isFilesystem = isFilesystem
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(signal, () => {
        this.endedBy ??= signal
        this.detach()
      })
  }

  /**
   * Puts a mount that has no place yet there, instead of the one before. Throws a MountError, and
   * closes the descriptor.
   */
  put(tree: number, flags: number): void {
    try {
      this.refuseEnded()
      this.takeAway()
    } catch (error) {
      close(tree)
      throw error
    }
    this.standing = new StandingMount(tree, this.mountPoint, flags, this.isFilesystem)
  }

  /** Throws a MountError once a signal has come. */
  refuseEnded(): void {
    if (this.endedBy === null) return
    throw new MountError(`${this.endedBy} has ended the mount`, 'mount it again')
  }

  /** What the mount is known by to other processes; null where nothing stands. */
  get key(): string | null {
    return this.standing?.key ?? null
  }

  /** A busy mount goes out of sight at once and ends with its last user. */
  detach(): void {
    const result = this.standing?.detach() ?? 0
    // EINVAL: somebody else was first.
    if (result < 0 && (result !== -E.EINVAL || this.standing?.isSeen() === true))
      log.error(`umount ${this.mountPoint}: ${errnoName(-result)}`)
  }

  /** Whether nothing that was put there is used by anybody, as far as can be told. */
  isFree(): boolean {
    return this.standing === null || this.standing.isGone()
  }

  /** Fulfilled when the mount is gone for everybody. */
  async ended(): Promise<void> {
    await this.standing?.ended()
  }

  close(): void {
    this.standing?.close()
  }

  private takeAway(): void {
    const before = this.standing
    if (before === null) return
    const result = before.detach()
    if (result < 0)
      throw new MountError(
        `something else was mounted on ${this.mountPoint} meanwhile`,
        'unmount both, and mount again',
      )
    before.close()
    this.standing = null
  }
}
