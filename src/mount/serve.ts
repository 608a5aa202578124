// The main thread of a serving process: starts the serving thread, makes the mount, tells the
// launcher, and stays awake for signals. It never touches what lies below the mount point.
import { Worker } from 'node:worker_threads'
import { E, errnoName } from '../errno/errno.js'
import { log } from '../log/log.js'
import { RLIMIT_NOFILE } from '../sys/constants.js'
import { close } from '../sys/file.js'
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
  | { readonly kind: 'ended' }

/** What it is told: the device to serve. */
export interface ToServer {
  readonly device: number
}

/** Mounts and serves until the mount is gone; the exit status. Throws a MountError. */
export async function serve(plan: MountPlan): Promise<number> {
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
  ready()
  const status = await server.ended
  for (const lock of plan.locks) close(lock)
  return status
}

/** The serving thread and the moments of its life. */
class Server {
  readonly prepared: Promise<number>
  readonly serving: Promise<void>
  readonly ended: Promise<number>
  private readonly worker: Worker

  constructor(plan: MountPlan) {
    this.worker = new Worker(threadFile(), {
      workerData: plan,
      stdout: false,
      stderr: false,
    })
    let wakeFd = -1
    this.prepared = new Promise((resolve, reject) => {
      this.worker.on('message', (message: FromServer) => {
        if (message.kind === 'prepared') resolve((wakeFd = message.wakeFd))
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
      if (wakeFd >= 0) eventfdSignal(wakeFd)
    })
  }

  serve(device: number): void {
    const message: ToServer = { device }
    this.worker.postMessage(message)
  }
}

/** The bundle's serving thread lies beside it as serve.js; among the sources it has its own name. */
function threadFile(): URL {
  const bundled = import.meta.url.endsWith('/plyfs.js')
  return new URL(bundled ? './serve.js' : './serve-thread.js', import.meta.url)
}

/** Layers, handles and backing files are many: as many as we are allowed. */
function raiseFileLimit(): void {
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
