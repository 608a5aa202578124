// The main thread of a serving process: starts the serving thread, makes the mount, tells the
// launcher, and stays awake for signals. It never touches what lies below the mount point.
import { Worker } from 'node:worker_threads'
import { E, errnoName } from '../errno/errno.js'
import { log } from '../log/log.js'
import { describeErrno } from '../errno/fs-error.js'
import { MS_RDONLY, MS_REMOUNT, RLIMIT_NOFILE } from '../sys/constants.js'
import { close } from '../sys/file.js'
import { mount } from '../sys/mount.js'
import { eventfdSignal, getrlimit, setrlimit } from '../sys/process.js'
import { dropResourceCapability } from './drop-capability.js'
import { mountDevice, unmountDevice } from './fuse-mount.js'
import { MountError } from './mount-error.js'
import type { MountPlan } from './mount-plan.js'
import { prepareReady } from './ready.js'

/** What the serving thread says. */
export type FromServer =
  | { readonly kind: 'prepared'; readonly wakeFd: number }
  | { readonly kind: 'failed'; readonly cause: string; readonly remedy: string }
  | { readonly kind: 'serving' }
  | { readonly kind: 'attached' }
  | { readonly kind: 'ended' }

/** What it is told: the device to serve; later, that the upper joins. */
export type ToServer =
  { readonly kind: 'serve'; readonly device: number } | { readonly kind: 'attach' }

/**
 * What happens between the mount, which is read-only then, and 'ready': checks that throw. The
 * mount is taken away again when they do.
 */
export type Checks = () => Promise<void>

/**
 * Mounts and serves until the mount is gone; the exit status. Throws a MountError.
 * @param checks are run before an upper that is to be attached is.
 */
export async function serve(plan: MountPlan, checks?: Checks): Promise<number> {
  raiseFileLimit()
  dropResourceCapability()
  const ready = prepareReady(plan.foreground, process.env)
  const server = new Server(plan)
  await server.prepared
  const device = mountDevice(plan)
  server.serve(device)
  const unmountOnSignal = (): void => {
    unmountQuietly(plan)
  }
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, unmountOnSignal)
  await server.serving
  try {
    await checks?.()
    if (plan.overlay.attachesUpper) await turnWritable(server, plan)
  } catch (error) {
    unmountQuietly(plan)
    await server.ended
    throw error
  }
  ready()
  const status = await server.ended
  for (const lock of plan.locks) close(lock)
  return status
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

/** The serving thread and the moments of its life. */
export class Server {
  readonly prepared: Promise<number>
  readonly serving: Promise<void>
  readonly ended: Promise<number>
  private readonly worker: Worker
  private wakeFd = -1

  /** Starts the thread, which opens the layers. */
  constructor(plan: MountPlan) {
    this.worker = new Worker(threadFile(), {
      workerData: plan,
      stdout: false,
      stderr: false,
    })
    this.prepared = new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromServer) => {
        if (message.kind === 'prepared') resolve((this.wakeFd = message.wakeFd))
        if (message.kind === 'failed')
          reject(new MountError(message.cause, message.remedy))
      })
      this.worker.on('error', reject)
    })
    this.serving = new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromServer) => {
        if (message.kind === 'serving') resolve()
      })
      this.worker.on('error', reject)
    })
    this.ended = new Promise(resolve => {
      this.worker.on('exit', code => {
        resolve(code)
      })
      this.worker.on('error', error => {
        log.error(`the serving thread ended: ${String(error)}`, error)
      })
    })
    this.serving.catch(() => undefined)
    process.on('SIGUSR1', () => {
      if (this.wakeFd >= 0) eventfdSignal(this.wakeFd)
    })
  }

  serve(device: number): void {
    this.tell({ kind: 'serve', device })
  }

  /** Has the upper joined; the thread sleeps in the kernel and is woken for it. */
  attach(): Promise<void> {
    const attached = new Promise<void>((resolve, reject) => {
      this.worker.on('message', (message: FromServer) => {
        if (message.kind === 'attached') resolve()
        if (message.kind === 'failed')
          reject(new MountError(message.cause, message.remedy))
      })
      this.worker.on('exit', () => {
        reject(new MountError('the mount ended before it was writable', 'mount it again'))
      })
    })
    this.tell({ kind: 'attach' })
    eventfdSignal(this.wakeFd)
    return attached
  }

  private tell(message: ToServer): void {
    this.worker.postMessage(message)
  }
}

/** The bundle's serving thread lies beside it as serve.js; among the sources it has its own name. */
function threadFile(): URL {
  const bundled = import.meta.url.endsWith('/plyfs.js')
  return new URL(bundled ? './serve.js' : './serve-thread.js', import.meta.url)
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
