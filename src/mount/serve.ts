// The main thread of a serving process: has a serving thread prepare, makes the mount, and stays
// awake for signals. It never touches what lies below the mount point.
import type { Worker } from 'node:worker_threads'
import { E, errnoName } from '../errno/errno.js'
import { log } from '../log/log.js'
import { describeErrno } from '../errno/fs-error.js'
import { MS_RDONLY, MS_REMOUNT, RLIMIT_NOFILE } from '../sys/constants.js'
import { close } from '../sys/file.js'
import { mount } from '../sys/mount.js'
import { getrlimit, setrlimit } from '../sys/process.js'
import { dropResourceCapability } from './drop-capability.js'
import { mountDevice, unmountDevice } from './fuse-mount.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import { prepareReady } from './ready.js'
import { Server } from './server.js'
import { ServingThread } from './serving-thread.js'

/**
 * What happens between the mount, which is read-only then, and 'ready': checks that throw. The
 * mount is taken away again when they do.
 */
export type Checks = () => Promise<void>

/**
 * Mounts and serves until the mount is gone; the status of that. Throws a MountError, or what the
 * checks throw; nothing is mounted then.
 */
export type Serve = (plan: MountPlan, checks?: Checks) => Promise<number>

/**
 * In a process of the mount's own: the caller is told, and signals end the mount.
 * @param thread one that waits for its plan.
 * @param loadFuseNative loads what serves, without the thread, a plan with that transport.
 */
export function serveOn(
  thread: Worker,
  loadFuseNative: () => Promise<{ readonly serveByFuseNative: Serve }>,
): Serve {
  return async (plan, checks) => {
    if (plan.transport === 'device') return serve(thread, plan, checks)
    await thread.terminate()
    const { serveByFuseNative } = await loadFuseNative()
    return serveByFuseNative(plan, checks)
  }
}

async function serve(
  thread: Worker,
  plan: MountPlan,
  checks: Checks | undefined,
): Promise<number> {
  raiseFileLimit()
  dropResourceCapability()
  const ready = prepareReady(plan.foreground, process.env)
  const server = new Server(plan, new ServingThread(thread))
  // Node would start its debugger.
  process.on('SIGUSR1', () => {
    server.wake()
  })
  const mounted = await mountAndServe(plan, server, checks, () => {
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
      process.on(signal, () => {
        unmountQuietly(plan)
      })
  })
  ready()
  return mounted.ended
}

/** A mount that is there, and served. */
export interface ServedMount {
  /** Fulfilled when it is gone and all is on its way to the disk: the thread's status. */
  readonly ended: Promise<number>
}

/**
 * Mounts, has it checked, and attaches the upper that is to be. Throws a MountError, or what the
 * checks throw; nothing of the mount is left then, and the plan's locks are let go of.
 * @param onMounted is called at once when there is a mount to unmount.
 */
export async function mountAndServe(
  plan: MountPlan,
  server: Server,
  checks: Checks | undefined,
  onMounted: () => void,
): Promise<ServedMount> {
  let device = -1
  const ended = server.ended.then(status => {
    if (device >= 0) close(device)
    for (const lock of plan.locks) close(lock)
    return status
  })
  try {
    await server.prepared
    device = mountDevice(plan)
  } catch (error) {
    await server.giveUp()
    throw error
  }
  server.serve(device)
  onMounted()
  try {
    await server.serving
    await checks?.()
    if (plan.overlay.attachesUpper) await turnWritable(server, plan)
  } catch (error) {
    unmountQuietly(plan)
    await ended
    throw error
  }
  return { ended }
}

/** The upper first, then the superblock: a write that the mount lets through finds it there. */
async function turnWritable(server: Server, plan: MountPlan): Promise<void> {
  await server.attach()
  const flags = MS_REMOUNT | (plan.device.flags & ~MS_RDONLY)
  const result = mount('none', plan.mountPoint, '', flags, '')
  if (result < 0)
    throw new MountError(
      `cannot turn ${plan.mountPoint} writable: ${describeErrno(result)}`,
      "look at the kernel's log (dmesg) for the reason",
    )
}

/** Layers, handles and backing files are many: as many as we are allowed. */
export function raiseFileLimit(): void {
  const limits = new Float64Array(2)
  if (getrlimit(RLIMIT_NOFILE, limits) < 0) return
  const hard = limits[1] ?? 0
  if ((limits[0] ?? 0) !== hard) setrlimit(RLIMIT_NOFILE, hard, hard)
}

/** A busy mount goes out of sight at once and ends with its last user. */
function unmountQuietly(plan: MountPlan): void {
  const result = unmountDevice(plan, true)
  // EINVAL: it is not there any more, an earlier signal or somebody else was first.
  if (result < 0 && result !== -E.EINVAL)
    log.error(`umount ${plan.mountPoint}: ${errnoName(-result)}`)
}
