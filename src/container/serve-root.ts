// Serves a container's root filesystem: mounts it read-only, has it checked, attaches the writable
// layer, and serves until the mount is gone. Hands the mount to the container's monitor, over the
// lifeline; when that breaks the monitor has died, and what is left of the container is ended.
import { writeSync } from 'node:fs'
import * as net from 'node:net'
import { FsError } from '../errno/fs-error.js'
import { ImageError } from '../image/model/errors.js'
import { silent } from '../image/progress.js'
import type { Store } from '../image/store/store.js'
import { openVerification } from '../image/verify.js'
import { isServed } from '../mount/drivers/make-driver.js'
import { checkLayers } from '../mount/check-layers.js'
import { MountError } from '../mount/mount-error.js'
import { planImage } from '../mount/mount-image.js'
import { serveDetached } from '../mount/serve-detached.js'
import type { MountPlan } from '../mount/mount-plan.js'
import type { Server } from '../mount/server.js'
import { close } from '../sys/file.js'
import { sendFd } from '../sys/process.js'
import { ContainerError } from './container-error.js'
import type { Container, Containers } from './containers.js'
import { bytesOfText } from './record.js'
import { type MountedRoot, mountKernelRoot } from './kernel-root.js'
import type { RootToServe } from './root-server.js'
import { settle } from './settle.js'
import { untilFree } from './state.js'

/** What is said of it meanwhile. */
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

/** How whoever serves does it. */
export interface Service {
  /** Starts the serving thread. */
  readonly serverOf: (plan: MountPlan) => Server
  readonly report: (what: ServerReport) => void
  readonly env: Readonly<Record<string, string | undefined>>
}

export type RootToMount = Pick<RootToServe, 'lifeline' | 'verify' | 'check' | 'bootfs'>

/** Serves to the end. Throws nothing: what went wrong is reported. */
export async function serveRoot(
  containers: Containers,
  container: Container,
  root: RootToMount,
  service: Service,
): Promise<void> {
  const { lifeline } = root
  const neverMounts = root.bootfs.then(
    () => false,
    () => true,
  )
  let mount: ServedMount
  try {
    mount = await mountInStages(containers, container, root, service)
  } catch (error) {
    close(lifeline)
    // Else the monitor has said why.
    if (!(await neverMounts))
      service.report({ kind: 'failed', message: messageOf(error) })
    return
  }
  service.report({ kind: 'ready' })
  const { ended } = mount
  const line = new net.Socket({ fd: lifeline, allowHalfOpen: true }).resume()
  const monitorEnded = new Promise<void>(resolve => {
    for (const event of ['end', 'close', 'error']) line.once(event, () => resolve())
  })
  await Promise.race(ended === null ? [monitorEnded] : [ended, monitorEnded])
  // The monitor waits for this: all is written.
  line.end()
  await monitorEnded
  line.destroy()
  // Of what a process has open, the lifeline closes before the lock does.
  await untilFree(container, PATIENCE)
  await settleAfterMonitor(containers, container)
  if (ended === null || (await isOver(ended))) return
  await mount.server?.giveUp()
}

/** Whether it is before our patience is. */
async function isOver(ended: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(resolve, PATIENCE, false)
  })
  const over = await Promise.race([ended.then(() => true), late])
  clearTimeout(timer)
  return over
}

interface ServedMount extends MountedRoot {
  /** Null for one of the kernel's filesystems. */
  readonly server: Server | null
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

/**
 * Mounts, and sends the mount, which is read-only or not as it is to be, through the lifeline.
 * @throws MountError, ImageError, FsError; nothing stays mounted then.
 */
export async function mountInStages(
  { store }: Containers,
  container: Container,
  root: RootToMount,
  { serverOf, report, env }: Service,
): Promise<ServedMount> {
  const { record } = container
  const { lifeline, verify } = root
  const { driver } = record
  if (!isServed(driver)) {
    await root.bootfs
    const { stage } = new StageClock(report)
    const mount = await mountKernelRoot(store, container, driver, lifeline, verify, stage)
    return { ...mount, server: null }
  }
  const image = store.resolve(record.image)
  const layers = await store.unpacked(image, silent)
  const check = root.check ?? openVerification(store, image, verify)
  try {
    const plan = await checkLayers(planRoot(store, container, layers, env))
    const server = serverOf(plan)
    const clock = new StageClock(report)
    const { stage } = clock
    const mayMount = root.bootfs.then(clock.restart)
    // Whoever waits for it may have failed before.
    mayMount.catch(() => undefined)
    const mount = await serveDetached(plan, server, mayMount)
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
      return { ...mount, server }
    } catch (error) {
      mount.abandon()
      throw error
    }
  } finally {
    check.close()
  }
}

function planRoot(
  store: Store,
  container: Container,
  layers: readonly string[],
  env: Service['env'],
): MountPlan {
  const { record } = container
  const rw = { upper: container.file('rw/upper'), work: container.file('rw/work') }
  return planImage(
    store,
    {
      name: record.name,
      mountPoint: container.file('rootfs'),
      options: [],
      foreground: true,
      debug: false,
      aufs: record.driver === 'aufs',
    },
    [container.file('init'), ...layers],
    record.readOnly ? null : rw,
    env,
  )
}

/** Reports each stage with its time, and the memory that this process has more after it. */
class StageClock {
  private readonly report: Service['report']
  private since = performance.now()
  private before = process.memoryUsage.rss()

  constructor(report: Service['report']) {
    this.report = report
  }

  /** The next stage begins now. */
  readonly restart = (): void => {
    this.since = performance.now()
    this.before = process.memoryUsage.rss()
  }

  readonly stage = (stage: string): void => {
    const us = Math.round((performance.now() - this.since) * 1000)
    const bytes = Math.max(0, process.memoryUsage.rss() - this.before)
    this.report({ kind: 'stage', stage, us, bytes })
    this.restart()
  }
}

/** Of whatever was thrown, for a report: bytes. */
export function messageOf(error: unknown): string {
  if (error instanceof ImageError) return bytesOfText(error.message)
  if (error instanceof MountError || error instanceof ContainerError) return error.message
  if (error instanceof FsError) return error.message
  return bytesOfText(
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  )
}
