// Starts a container, stage by stage: its monitor with the bootfs, the server of its root, what the
// runtime is told, the hand-over. Each stage has its undo in whoever made it: a monitor whose first
// client goes before "go" unwinds, and a server whose monitor goes does too.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import * as net from 'node:net'
import { fileURLToPath } from 'node:url'
import { describeErrno, FsError } from '../errno/fs-error.js'
import type { StoreLock } from '../image/store/store-lock.js'
import { nodePath } from '../image/store/store-place.js'
import type { LayerCheck, VerifyMode } from '../image/verify.js'
import { isServed } from '../mount/drivers/make-driver.js'
import { close } from '../sys/file.js'
import { pidOf, spawnWord, spawnWords } from './children.js'
import { ContainerError, COULD_NOT_START } from './container-error.js'
import type { Container, Containers } from './containers.js'
import { writeStart } from './create.js'
import { MonitorClient, type Stage } from './monitor-client.js'
import { identityIn, prepareBundle } from './prepare-bundle.js'
import { runtimeCommand, runtimeError } from './runtime.js'
import type { RootServer, ServedRoot } from './root-server.js'
import { serveInProcess } from './serve-in-process.js'
import { settle } from './settle.js'
import { sockets } from './sockets.js'
import type { Identity } from './users.js'

export interface StartOptions {
  readonly verify: VerifyMode
  /** It was made to be started, and counts as started already. */
  readonly isNew?: boolean
  /**
   * Is called before the container's process can have written anything.
   * @returns 'left' where somebody else tells the monitor to go on.
   */
  readonly beforeGo?: (client: MonitorClient) => 'goes' | 'left'
  /** Is to be fulfilled before the container's process runs. */
  readonly durable?: Promise<void>
  /** A check of the image's layers that has begun; only for a server in this process. */
  readonly check?: LayerCheck
  /** A process of its own unless told. */
  readonly rootServer?: RootServer
  /** Is told of each stage; microseconds, bytes of memory. */
  readonly onStage?: (stage: string, us: number, bytes: number) => void
}

/** A container whose process runs. */
export interface StartedContainer {
  readonly client: MonitorClient
  /** Fulfilled when nothing of it is left, but for its record. */
  readonly cleared: Promise<void>
  /** Lets go of its processes, which go on. */
  letGo(): void
}

/**
 * Starts a container that the caller holds; the lock goes over to its monitor.
 * @throws ContainerError with docker's status when it could not be started; it is as before then,
 * or gone where it goes with its end.
 */
export async function startContainer(
  containers: Containers,
  container: Container,
  lock: StoreLock,
  options: StartOptions,
): Promise<StartedContainer> {
  const start = new Start(containers, container, options)
  try {
    if (options.isNew !== true) clear(container)
    return await start.run(lock)
  } catch (error) {
    lock.release()
    throw await start.undo(error)
  }
}

/** What the last run has left; from here on the container counts as started. */
function clear(container: Container): void {
  writeStart(container)
  for (const name of ['exit.json', 'pid', 'runtime.log', 'config.json'])
    fs.rmSync(nodePath(container.file(name)), { force: true })
}

class Start {
  private readonly containers: Containers
  private readonly container: Container
  private readonly options: StartOptions
  private monitor: ChildProcess | null = null
  private server: ServedRoot | null = null
  private client: MonitorClient | null = null
  /** The server's end, until it has it. */
  private lifeline: number | null = null

  constructor(containers: Containers, container: Container, options: StartOptions) {
    this.containers = containers
    this.container = container
    this.options = options
  }

  async run(lock: StoreLock): Promise<StartedContainer> {
    const [ours, first] = sockets()
    const [lifelineOfMonitor, lifelineOfServer] = sockets()
    this.lifeline = lifelineOfServer
    const client = new MonitorClient(new net.Socket({ fd: ours }))
    this.client = client
    const stages = new Stages(client, this.container, this.options)
    const server = this.serveRoot(lifelineOfServer, stages.reached('bootfs'))
    // It opens the layers while this thread is held by the start of a process.
    await server.begun
    const monitor = this.startMonitor(first, lifelineOfMonitor, lock)
    lock.release()
    const looked = stages.reached('placed').then(() => this.lookAhead(monitor))
    const [identity] = await Promise.race([
      Promise.all([looked, server.served, this.options.durable]),
      stages.failed,
    ])
    await prepareBundle(this.containers, this.container, monitor, identity)
    if (this.options.beforeGo?.(client) !== 'left') client.go()
    await stages.reached('hand-over')
    server.hasStarted()
    return { client, cleared: server.cleared, letGo: () => this.letGo(client) }
  }

  private startMonitor(first: number, lifeline: number, lock: StoreLock): number {
    const { container } = this
    const { process: what, readOnly, driver } = container.record
    const letters = [
      ['i', what.input],
      ['t', what.terminal],
      ['r', readOnly],
      ['s', isServed(driver)],
    ] as const
    const flags = letters.flatMap(([letter, is]) => (is ? [letter] : []))
    const runtime = spawnWords(runtimeCommand(container))
    const words = [container.id, helper('plyfs-boot'), `-${flags.join('')}`, ...runtime]
    const monitor = spawn(helper('plyfs-monitor'), words, {
      cwd: spawnWord(container.folder),
      stdio: ['ignore', 'ignore', 'ignore', first, lifeline, lock.descriptor],
      detached: true,
    })
    close(first)
    close(lifeline)
    this.monitor = monitor
    return pidOf(monitor, 'the monitor')
  }

  /** Begins at once with what can be done before anything is mounted. */
  private serveRoot(lifeline: number, bootfs: Promise<void>): ServedRoot {
    const { verify, onStage, check, rootServer = serveInProcess } = this.options
    // Whatever becomes of it: the server closes it.
    this.lifeline = null
    this.server = rootServer(this.containers, this.container, {
      lifeline,
      verify,
      check: check ?? null,
      bootfs,
      onStage: (stage, us, bytes) => onStage?.(stage, us, bytes),
    })
    return this.server
  }

  /**
   * A new container has changed nothing: its root names users before the writable layer is there as it
   * does after, and this is a moment at which other threads do the work. null: it is to be looked later.
   */
  private lookAhead(monitor: number): Identity | null {
    if (this.options.isNew !== true) return null
    try {
      return identityIn(this.container, monitor)
    } catch {
      // It comes again, unless the check of the layers tells why.
      return null
    }
  }

  private letGo(client: MonitorClient): void {
    client.close()
    this.monitor?.unref()
    this.server?.letGo()
  }

  /** Everything that was begun unwinds by itself when its client goes; what to throw then. */
  async undo(error: unknown): Promise<unknown> {
    const { monitor, server, client, container } = this
    const failure = error instanceof StageError ? error : null
    const code = failure === null ? COULD_NOT_START : await this.statusOfFailure()
    client?.close()
    if (this.lifeline !== null) close(this.lifeline)
    await ended(monitor)
    const complaint = (await server?.complaint()) ?? null
    await settle(this.containers, container)
    if (complaint !== null) return new ContainerError(complaint, COULD_NOT_START)
    if (failure !== null) return new ContainerError(failure.message, code)
    // A root whose server was killed answers ENOTCONN.
    if (error instanceof FsError)
      return new ContainerError(
        `the container could not be started: ${error.message}`,
        COULD_NOT_START,
      )
    return error
  }

  /** As the monitor tells it by what the runtime wrote. */
  private statusOfFailure(): Promise<number> {
    const { client } = this
    return new Promise(resolve => {
      if (client === null || client.hasEnded || client.exitCode !== null)
        resolve(client?.exitCode ?? COULD_NOT_START)
      client?.once('exit', resolve)
      client?.once('end', () => {
        resolve(COULD_NOT_START)
      })
    })
  }
}

async function ended(child: ChildProcess | null): Promise<void> {
  if (child?.pid === undefined) return
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}

/** The monitor gave up; the message is for people. */
class StageError extends Error {}

/** The monitor's stages: what was reached, what is waited for. */
class Stages {
  /** Rejected when it gives up. */
  readonly failed: Promise<never>
  private readonly seen = new Set<string>()
  private readonly waiting = new Map<string, () => void>()

  constructor(client: MonitorClient, container: Container, options: StartOptions) {
    this.failed = new Promise((_resolve, reject) => {
      client.on('stage', (stage: Stage) => {
        if (stage.stage !== 'failed') this.reach(stage, options)
        // While the monitor lives its container is there.
        else reject(new StageError(runtimeError(container) ?? describeFailure(stage)))
      })
      client.on('end', () => {
        reject(new StageError('the monitor of the container was killed: start it again'))
      })
    })
    this.failed.catch(() => undefined)
  }

  reached(stage: string): Promise<void> {
    if (this.seen.has(stage)) return Promise.resolve()
    const reached = new Promise<void>(resolve => this.waiting.set(stage, resolve))
    return Promise.race([reached, this.failed])
  }

  private reach({ stage, us = 0, bytes = 0 }: Stage, { onStage }: StartOptions): void {
    this.seen.add(stage)
    if (stage !== 'placed') onStage?.(stage, us, bytes)
    this.waiting.get(stage)?.()
  }
}

function describeFailure({ what = '', errno = 0 }: Stage): string {
  return `the container could not be started: ${what}: ${describeErrno(errno)}`
}

/** A static program of ours; the bundle and the sources lie equally deep. */
function helper(name: string): string {
  return fileURLToPath(
    new URL(`../../native-helpers/build/Release/${name}`, import.meta.url),
  )
}
