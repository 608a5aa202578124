// Mounts and serves through the npm package fuse-native. Its callbacks come on the main thread, which
// serves them one after the other; signals are seen between two of them.
import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readdirSync, readlinkSync } from 'node:fs'
import { describeErrno, FsError } from '../errno/fs-error.js'
import { log } from '../log/log.js'
import { type FuseNative, loadFuseNative, mountPaths } from '../fuse-native/package.js'
import { PathTransport } from '../fuse-native/path-transport.js'
import { CLONE_FS, MS_RDONLY, MS_REMOUNT } from '../sys/constants.js'
import { close } from '../sys/file.js'
import { mount } from '../sys/mount.js'
import { unshare } from '../sys/namespace.js'
import { pollAsync } from '../sys/process.js'
import { buildOverlay, refusalOf, type BuiltOverlay } from './build-overlay.js'
import { dropResourceCapability } from './drop-capability.js'
import { topmostMount } from './fuse-mount.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import { readMountinfo } from './mountinfo.js'
import { libfuseOptions, mountPointText, planForFuseNative } from './plan-fuse-native.js'
import { prepareReady } from './ready.js'
import { raiseFileLimit, type Checks, type Serve } from './serve.js'

/**
 * In a process of the mount's own, as `serveOn`. Throws a MountError, or what the checks throw; nothing
 * is mounted then.
 */
export const serveByFuseNative: Serve = async (given, checks) => {
  const plan = planForFuseNative(given)
  const Fuse = load()
  raiseFileLimit()
  dropResourceCapability()
  // The umask of new files is set for each of them: not for the pool's threads.
  unshare(CLONE_FS)
  const ready = prepareReady(plan.foreground, process.env)
  if (plan.debug) log.setLevel('debug')
  const overlay = build(plan)
  const transport = new PathTransport(overlay.operations, plan.debug)
  try {
    const mounted = await mountChecked(plan, Fuse, transport, overlay, checks)
    ready()
    await mounted.ended
    return 0
  } finally {
    transport.stop()
    for (const lock of plan.locks) close(lock)
  }
}

/** The package, before anything is mounted. Throws a MountError. */
function load(): FuseNative {
  try {
    return loadFuseNative()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : ''
    const said = error instanceof Error ? (error.message.split('\n')[0] ?? '') : ''
    throw code === 'MODULE_NOT_FOUND'
      ? new MountError(
          'the transport fuse-native needs the npm package of that name, which is not installed',
          "'npm install' installs it where it can be had, or leave --transport out",
        )
      : new MountError(
          `the transport fuse-native cannot be loaded: ${said}`,
          "install libfuse 2 (Debian's package libfuse2), or leave --transport out",
        )
  }
}

function build(plan: MountPlan): BuiltOverlay {
  const nothing = (): void => undefined
  try {
    return buildOverlay(plan, randomInt(2 ** 32), nothing, nothing)
  } catch (error) {
    if (!(error instanceof FsError)) throw error
    const { cause, remedy } = refusalOf(error)
    throw new MountError(cause, remedy)
  }
}

/** Mounts, has it checked, and lets writes through; then its end can be waited for. */
async function mountChecked(
  plan: MountPlan,
  Fuse: FuseNative,
  transport: PathTransport,
  overlay: BuiltOverlay,
  checks: Checks | undefined,
): Promise<{ readonly ended: Promise<void> }> {
  const device = await mountNow(plan, Fuse, transport)
  const ended = connectionEnds(device)
  // Node would start its debugger.
  process.on('SIGUSR1', () => undefined)
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => {
      unmountQuietly(plan)
    })
  try {
    await checks?.()
    if (plan.overlay.attachesUpper) {
      await new Promise<void>(attached => {
        overlay.attach(attached)
      })
      transport.forgetPaths()
      turnWritable(plan)
    }
  } catch (error) {
    unmountQuietly(plan)
    await ended
    throw error
  }
  return { ended }
}

/** Returns the descriptor of /dev/fuse that libfuse answers on. Throws a MountError. */
async function mountNow(
  plan: MountPlan,
  Fuse: FuseNative,
  transport: PathTransport,
): Promise<number> {
  const before = devices()
  try {
    await mountPaths(Fuse, mountPointText(plan), transport, libfuseOptions(plan))
  } catch (error) {
    if (error instanceof MountError) throw error
    throw new MountError(
      `fuse-native cannot mount on ${plan.mountPoint}: ${error instanceof Error ? error.message : String(error)}`,
      'libfuse has said why, if it knows; the mount point may not be one already',
    )
  }
  const device = devices().find(fd => !before.includes(fd))
  if (device === undefined)
    throw new MountError('fuse-native has no device open', 'mount without --transport')
  return device
}

/** Our descriptors of /dev/fuse: the package keeps its own to itself. */
function devices(): number[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .filter(fd => {
      try {
        return readlinkSync(`/proc/self/fd/${fd}`) === '/dev/fuse'
      } catch {
        // The one of the listing itself is closed already.
        return false
      }
    })
}

/** The package says nothing of it: the device's connection is gone (POLLERR, fuse_dev_poll). */
async function connectionEnds(device: number): Promise<void> {
  const news = await pollAsync(device, 0)
  if (news < 0) throw new FsError(news, 'poll')
}

/** The superblock is read-only until the upper has joined. */
function turnWritable({ mountPoint, device }: MountPlan): void {
  const result = mount(
    'none',
    mountPoint,
    '',
    MS_REMOUNT | (device.flags & ~MS_RDONLY),
    '',
  )
  if (result < 0)
    throw new MountError(
      `cannot turn ${mountPoint} writable: ${describeErrno(result)}`,
      "look at the kernel's log (dmesg) for the reason",
    )
}

/**
 * By another process: the end of a mount writes back what was changed in mappings, and it is this
 * thread that answers. A busy mount goes out of sight at once and ends with its last user.
 */
function unmountQuietly(plan: MountPlan): void {
  const { subtype, source, privileged } = plan.device
  const entry = topmostMount(readMountinfo(), plan.mountPoint)
  if (entry?.type !== `fuse.${subtype}` || entry.source !== source) return
  const path = mountPointText(plan)
  const [program, options] = privileged
    ? ['umount', ['--lazy']]
    : ['fusermount3', ['-u', '-z']]
  execFile(program, [...options, '--', path], (error, _said, complaint) => {
    if (error !== null) log.error(`umount ${path}: ${complaint.trim() || error.message}`)
  })
}
