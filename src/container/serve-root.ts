// The process that serves a container's root filesystem: mounts it read-only, has it checked,
// attaches the writable layer, and serves until the mount is gone. It hands the mount to the
// container's monitor, over the lifeline; when that breaks the monitor has died, and what is left
// of the container is ended.
import { writeSync } from 'node:fs'
import * as net from 'node:net'
import { FsError } from '../errno/fs-error.js'
import { ImageError } from '../image/model/errors.js'
import { silent } from '../image/progress.js'
import { hasCode } from '../image/store/replace-file.js'
import { openVerification, type VerifyMode } from '../image/verify.js'
import { checkLayers } from '../mount/check-layers.js'
import { dropResourceCapability } from '../mount/drop-capability.js'
import { MountError } from '../mount/mount-error.js'
import { planImage } from '../mount/mount-image.js'
import { serveDetached } from '../mount/serve-detached.js'
import { raiseFileLimit } from '../mount/serve.js'
import { Server } from '../mount/server.js'
import { sendFd } from '../sys/process.js'
import { ContainerError } from './container-error.js'
import type { Container, Containers } from './containers.js'
import { bytesOfText } from './record.js'
import { type MountedRoot, mountKernelRoot } from './kernel-root.js'
import { settle } from './settle.js'
import { untilFree } from './state.js'

/** What the process says on its standard output, a line of JSON each. */
export type ServerReport =
  | {
      readonly kind: 'stage'
      readonly stage: string
      readonly us: number
      readonly bytes: number
    }
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly message: string }

/** Milliseconds for the mount to end after the monitor has. */
const PATIENCE = 5000

/**
 * Serves to the end; the exit status.
 * @param lifeline a connected socket, its other end the monitor's.
 */
export async function serveRoot(
  containers: Containers,
  id: string,
  lifeline: number,
  verify: VerifyMode,
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  raiseFileLimit()
  dropResourceCapability()
  const container = containers.open(id)
  if (container === null) return failed(new ContainerError(`No such container: ${id}`))
  let root: MountedRoot
  try {
    root = await mountInStages(containers, container, lifeline, verify, env)
  } catch (error) {
    return failed(error)
  }
  report({ kind: 'ready' })
  const { ended } = root
  const line = new net.Socket({ fd: lifeline, allowHalfOpen: true }).resume()
  const monitorEnded = new Promise<void>(resolve => {
    for (const event of ['end', 'close', 'error']) line.once(event, () => resolve())
  })
  await Promise.race(ended === null ? [monitorEnded] : [ended, monitorEnded])
  // The monitor waits for this: all is written.
  line.end()
  await monitorEnded
  // Of what a process has open, the lifeline closes before the lock does.
  await untilFree(container, PATIENCE)
  await settleAfterMonitor(containers, container)
  if (ended === null) return 0
  const late = new Promise<number>(resolve => setTimeout(resolve, PATIENCE, 1))
  return Promise.race([ended, late])
}

/** What cannot be ended is in serve.log, and told by whoever comes by next. */
async function settleAfterMonitor(
  containers: Containers,
  container: Container,
): Promise<void> {
  try {
    await settle(containers, container)
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error
    writeSync(2, `${error.message}\n`, null, 'latin1')
  }
}

async function mountInStages(
  { store }: Containers,
  container: Container,
  lifeline: number,
  verify: VerifyMode,
  env: Readonly<Record<string, string | undefined>>,
): Promise<MountedRoot> {
  const { record } = container
  const { driver } = record
  const stage = stages()
  if (driver !== 'plyfs' && driver !== 'aufs')
    return mountKernelRoot(store, container, driver, lifeline, verify, stage)
  const image = store.resolve(record.image)
  const layers = await store.unpacked(image, silent)
  const check = openVerification(store, image, verify)
  const rw = { upper: container.file('rw/upper'), work: container.file('rw/work') }
  const plan = planImage(
    store,
    {
      name: record.name,
      mountPoint: container.file('rootfs'),
      options: [],
      foreground: true,
      debug: false,
      aufs: driver === 'aufs',
    },
    [container.file('init'), ...layers],
    record.readOnly ? null : rw,
    env,
  )
  const checked = await checkLayers(plan)
  const mount = await serveDetached(checked, new Server(checked))
  try {
    const sent = sendFd(lifeline, mount.tree)
    if (sent < 0) throw new FsError(sent, 'sendmsg')
    mount.handedOver()
    stage('rootfs')
    await check.run()
    stage('integrity check')
    if (record.readOnly) mount.stayReadOnly()
    else await mount.turnWritable()
    stage(record.readOnly ? 'no writable layer' : 'writable layer')
    return mount
  } catch (error) {
    mount.abandon()
    throw error
  }
}

/** Reports each stage with its time, and the memory that this process has more after it. */
function stages(): (stage: string) => void {
  let since = performance.now()
  let before = process.memoryUsage.rss()
  return stage => {
    const now = performance.now()
    const rss = process.memoryUsage.rss()
    const us = Math.round((now - since) * 1000)
    report({ kind: 'stage', stage, us, bytes: Math.max(0, rss - before) })
    since = now
    before = rss
  }
}

function failed(error: unknown): number {
  report({ kind: 'failed', message: messageOf(error) })
  return 1
}

function messageOf(error: unknown): string {
  if (error instanceof ImageError) return bytesOfText(error.message)
  if (error instanceof MountError || error instanceof ContainerError) return error.message
  if (error instanceof FsError) return error.message
  return bytesOfText(
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  )
}

/** Whoever started the container may have gone. */
function report(what: ServerReport): void {
  try {
    writeSync(1, `${JSON.stringify(what)}\n`, null, 'latin1')
  } catch (error) {
    if (!hasCode(error, 'EPIPE')) throw error
  }
}
