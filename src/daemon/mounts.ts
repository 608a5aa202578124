// The mounts that the daemon serves. Those whose layers lie on disks share a thread: a mount that ends or
// fails is nothing to the others. Any other has one of its own.
import { randomBytes } from 'node:crypto'
import { log } from '../log/log.js'
import { topmostMount } from '../mount/fuse-mount.js'
import type { MountPlan } from '../mount/mount-plan.js'
import { liesOnDisks } from '../mount/on-disks.js'
import type { MountRecords } from '../mount/mount-records.js'
import { type MountEntry, readMountinfo } from '../mount/mountinfo.js'
import { mountAndServe, type Serve } from '../mount/serve.js'
import { Server } from '../mount/server.js'
import { type HeldTree, SharedTrees } from '../mount/shared-trees.js'
import { ServingThread } from '../mount/serving-thread.js'
import type { SharedThread } from '../mount/shared-thread.js'
import type { SpareThreads } from '../mount/spare-threads.js'
import { unmountAt } from '../mount/unmount.js'
import { MountError } from '../mount/mount-error.js'
import { ApiError } from './api-error.js'

/**
 * What each mount may have of the descriptors that one alone would: so many mounts fit into a limit
 * of 20,000 before one of them has to close what others could use.
 */
export const SHARE = 1 / 16

/** What a mount shows, for lists. All names are bytes. */
export interface Shown {
  /** The image or archive, as it was called; null for directories. */
  readonly image: string | null
  /** The writable layer: its name, '' for one that goes with the mount, null for none. */
  readonly writable: string | null
}

/** A mount that serves. */
export interface OwnedMount extends Shown {
  readonly id: string
  /** Where it was mounted. */
  readonly mountPoint: string
  readonly device: string
  readonly source: string
  readonly since: string
  /** Fulfilled when the mount, and what belongs to it, is gone. */
  readonly ended: Promise<void>
  /** Serves it no longer: whoever still uses it gets errors. */
  giveUp(): Promise<void>
}

/** Mounts with the function it is given, and is fulfilled when the mount is gone. */
export type Making = (serve: Serve) => Promise<number>

export class Mounts {
  private readonly owned = new Map<string, OwnedMount>()
  private readonly trees = new SharedTrees()
  private readonly records: MountRecords
  private readonly shared: SharedThread
  private readonly spare: SpareThreads

  constructor(records: MountRecords, shared: SharedThread, spare: SpareThreads) {
    this.records = records
    this.shared = shared
    this.spare = spare
  }

  /**
   * Makes a mount; fulfilled when it can be used.
   * @param signal aborted when nobody waits for it any more: it is taken away again then.
   * @throws what the making throws; nothing is left of the mount then.
   */
  async make(shown: Shown, make: Making, signal: AbortSignal): Promise<OwnedMount> {
    const id = randomBytes(6).toString('hex')
    const { promise: begun, resolve } = deferred<OwnedMount>()
    let tree: HeldTree | null = null
    const serve: Serve = async (plan, checks) => {
      if (plan.transport !== 'device')
        throw new MountError(
          `a daemon does not serve by the transport ${plan.transport}`,
          'mount with --no-daemon, or leave transport= out',
        )
      tree = plan.tree === null ? null : this.trees.hold(plan.tree)
      const treeBytes = tree?.bytes ?? null
      const server = new Server(
        { ...plan, share: SHARE, treeBytes },
        this.threadFor(plan),
      )
      let entry: MountEntry | undefined
      const mounted = await mountAndServe(plan, server, checks, () => {
        entry = topmostMount(readMountinfo(), plan.mountPoint)
        if (entry !== undefined) this.records.note(id, entry)
      })
      const giveUp = (): Promise<void> => server.giveUp()
      const mount = { id, ...shown, ...describe(plan, entry), ended, giveUp }
      this.owned.set(id, mount)
      resolve(mount)
      return mounted.ended
    }
    const making = make(serve)
    const ended = making
      .then(
        () => undefined,
        (error: unknown) => {
          if (this.owned.has(id)) log.error(`the end of a mount: ${String(error)}`, error)
        },
      )
      .finally(() => {
        tree?.release()
        this.owned.delete(id)
        this.records.forget(id)
      })
    // Ends without an error only after the mount has.
    const mount = await Promise.race([begun, making.then(() => begun)])
    this.spare.prepare()
    if (signal.aborted) await this.abandon(mount)
    return mount
  }

  /** The shared one, unless a layer could keep it waiting. */
  private threadFor({ overlay }: MountPlan): ServingThread {
    return liesOnDisks(overlay) ? this.shared.get() : new ServingThread(this.spare.take())
  }

  list(): OwnedMount[] {
    return [...this.owned.values()]
  }

  /** Throws an ApiError. */
  find(id: string): OwnedMount {
    const found = this.owned.get(id)
    if (found !== undefined) return found
    throw new ApiError(404, 'not-found', `there is no mount ${id}`)
  }

  /** Where it is mounted now; null where it is out of sight and ends with its last user. */
  placeOf({ device }: OwnedMount): MountEntry | null {
    return readMountinfo().findLast(entry => entry.device === device) ?? null
  }

  /**
   * Takes it out of sight, and waits until it is gone, unless `lazy`. Throws a MountError when it
   * is in use.
   */
  async unmount(mount: OwnedMount, lazy: boolean): Promise<void> {
    const place = this.placeOf(mount)
    if (place !== null) unmountAt(place.mountPoint, lazy)
    if (!lazy) await mount.ended
  }

  /** Takes all away, those in use too; waits for them, as long as `patience` milliseconds. */
  async end(patience: number): Promise<void> {
    const all = this.list()
    for (const mount of all) await this.abandon(mount)
    const late = new Promise(resolve => setTimeout(resolve, patience).unref())
    await Promise.race([Promise.all(all.map(mount => mount.ended)), late])
    for (const mount of this.list()) {
      log.warn(`${mount.mountPoint} is still in use and ends now`)
      void mount.giveUp()
    }
    await Promise.all(all.map(mount => mount.ended))
  }

  private async abandon(mount: OwnedMount): Promise<void> {
    try {
      await this.unmount(mount, true)
    } catch (error) {
      if (!(error instanceof MountError)) throw error
      log.warn(error.message)
    }
  }
}

function describe(
  { mountPoint, device }: MountPlan,
  entry: MountEntry | undefined,
): Pick<OwnedMount, 'mountPoint' | 'source' | 'device' | 'since'> {
  const since = new Date().toISOString()
  return { mountPoint, source: device.source, device: entry?.device ?? '', since }
}

function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined
  const promise = new Promise<T>(done => (resolve = done))
  return { promise, resolve }
}
