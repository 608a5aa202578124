// A mount without a place: made and served here, and handed over as a descriptor to a process that
// gives it its place, maybe in another mount namespace. Nothing here knows where that is.
import { describeErrno } from '../errno/fs-error.js'
import {
  FSCONFIG_CMD_CREATE,
  FSCONFIG_CMD_RECONFIGURE,
  FSCONFIG_SET_FLAG,
  FSCONFIG_SET_STRING,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
} from '../sys/constants.js'
import { close } from '../sys/file.js'
import { fsconfig, fsmount, fsopen } from '../sys/mount.js'
import { mountFailed, openDevice } from './fuse-mount.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import type { Server } from './server.js'

export interface DetachedMount {
  /** The mount, read-only. Whoever closes it before it has a place ends it. */
  readonly tree: number
  /** The tree is somebody else's now. */
  handedOver(): void
  /** Gives up what is still held of the mount, which then ends with its last place. */
  abandon(): void
  /** Attaches the plan's upper, then lets writes through. Call it once at most. */
  turnWritable(): Promise<void>
  /** It stays read-only. */
  stayReadOnly(): void
  /** Fulfilled when the last place of the mount is gone and all is on its way to the disk. */
  readonly ended: Promise<number>
}

/**
 * Serves the plan's overlay, which is `server`'s too; its mount point is not looked at. Takes
 * CAP_SYS_ADMIN. Throws a MountError, and what `mayMount` is rejected with.
 * @param mayMount nothing is mounted before it is fulfilled.
 */
export async function serveDetached(
  plan: MountPlan,
  server: Server,
  mayMount: Promise<void>,
): Promise<DetachedMount> {
  const { device, context, tree } = await makeMount(plan, server, mayMount)
  const ended = server.ended.then(status => {
    for (const fd of [device, ...plan.locks]) close(fd)
    return status
  })
  // Both keep the superblock, and with it the serving thread.
  const held = new Set([context, tree])
  const letGo = (fd: number): void => {
    if (held.delete(fd)) close(fd)
  }
  server.serve(device)
  try {
    await server.serving
  } catch (error) {
    held.forEach(letGo)
    await ended
    throw error
  }
  return {
    tree,
    handedOver: () => {
      letGo(tree)
    },
    abandon: () => {
      held.forEach(letGo)
    },
    turnWritable: async () => {
      await server.attach()
      turnWritable(context, plan)
      letGo(context)
    },
    stayReadOnly: () => {
      letGo(context)
    },
    ended,
  }
}

interface Made {
  readonly device: number
  readonly context: number
  readonly tree: number
}

/** The mount that nobody serves yet. When it throws, all is as before and the locks are let go of. */
async function makeMount(
  plan: MountPlan,
  server: Server,
  mayMount: Promise<void>,
): Promise<Made> {
  const open: number[] = [...plan.locks]
  const kept = (fd: number): number => {
    open.push(fd)
    return fd
  }
  try {
    await server.prepared
    await mayMount
    const device = kept(openDevice())
    const context = kept(createFilesystem(plan, device))
    const tree = fsmount(context, FSMOUNT_CLOEXEC, 0)
    if (tree < 0) throw mountFailed(plan.mountPoint, tree)
    return { device, context, tree }
  } catch (error) {
    await server.giveUp()
    for (const fd of open) close(fd)
    throw error
  }
}

/** A superblock that has no mount yet; its context, through which it is changed later. */
function createFilesystem({ device, mountPoint }: MountPlan, fd: number): number {
  const context = fsopen('fuse', FSOPEN_CLOEXEC)
  if (context < 0) throw mountFailed(mountPoint, context)
  const uid = process.geteuid?.() ?? 0
  const gid = process.getegid?.() ?? 0
  const strings = {
    source: device.source,
    subtype: device.subtype,
    fd: String(fd),
    rootmode: '40000',
    user_id: String(uid),
    group_id: String(gid),
  }
  const flags = [
    'ro',
    'default_permissions',
    ...(device.allowOther ? ['allow_other'] : []),
  ]
  const set = (result: number): void => {
    if (result >= 0) return
    close(context)
    throw mountFailed(mountPoint, result)
  }
  for (const [key, value] of Object.entries(strings))
    set(fsconfig(context, FSCONFIG_SET_STRING, key, value, 0))
  for (const flag of flags) set(fsconfig(context, FSCONFIG_SET_FLAG, flag, null, 0))
  set(fsconfig(context, FSCONFIG_CMD_CREATE, null, null, 0))
  return context
}

/** The context stands for reconfiguration once there is a mount (vfs_clean_context). */
function turnWritable(context: number, plan: MountPlan): void {
  let result = fsconfig(context, FSCONFIG_SET_FLAG, 'rw', null, 0)
  if (result >= 0) result = fsconfig(context, FSCONFIG_CMD_RECONFIGURE, null, null, 0)
  if (result >= 0) return
  throw new MountError(
    `cannot turn ${plan.mountPoint} writable: ${describeErrno(result)}`,
    "look at the kernel's log (dmesg) for the reason",
  )
}
