// The root filesystems of containers that the daemon serves, each on a thread of its own.
import type { Container, Containers } from '../container/containers.js'
import { ContainerError, COULD_NOT_START } from '../container/container-error.js'
import { stopContainer } from '../container/control.js'
import type { RootServer, RootToServe } from '../container/root-server.js'
import { serveInProcess } from '../container/serve-in-process.js'
import { type ServerReport, serveRoot, type Service } from '../container/serve-root.js'
import { log } from '../log/log.js'
import type { MountPlan } from '../mount/mount-plan.js'
import { Server } from '../mount/server.js'
import { ServingThread } from '../mount/serving-thread.js'
import type { SpareThreads } from '../mount/spare-threads.js'
import { SHARE } from './mounts.js'

interface Root {
  readonly containers: Containers
  readonly container: Container
  readonly cleared: Promise<void>
}

export class Roots {
  private readonly served = new Map<string, Root>()
  private readonly threads: SpareThreads

  constructor(threads: SpareThreads) {
    this.threads = threads
  }

  /**
   * Serves a root until its container has ended. One of the kernel's filesystems needs nobody who
   * serves it, and its container does not end with the daemon.
   */
  readonly serve: RootServer = (containers, container, root) => {
    const { driver } = container.record
    if (driver !== 'plyfs' && driver !== 'aufs')
      return serveInProcess(containers, container, root)
    const said: { complaint: string | null } = { complaint: null }
    let ready: () => void = () => undefined
    const isReady = new Promise<void>(resolve => (ready = resolve))
    let begin: () => void = () => undefined
    const hasBegun = new Promise<void>(resolve => (begin = resolve))
    const serverOf = (plan: MountPlan): Server => {
      const thread = new ServingThread(this.threads.take())
      const server = new Server({ ...plan, share: SHARE }, thread)
      begin()
      return server
    }
    const report = (what: ServerReport): void => {
      if (what.kind === 'ready') ready()
      else if (what.kind === 'stage') root.onStage(what.stage, what.us, what.bytes)
      else said.complaint = what.message
    }
    const service = { serverOf, report, env: {} }
    const cleared = this.serveToEnd(containers, container, root, service)
    this.served.set(container.id, { containers, container, cleared })
    void cleared.then(() => {
      this.served.delete(container.id)
      this.threads.prepare()
    })
    const served = Promise.race([
      isReady,
      cleared.then(() => {
        const why = said.complaint ?? 'the server of the root filesystem ended'
        throw new ContainerError(why, COULD_NOT_START)
      }),
    ])
    // Whoever starts the container may have failed before it waits for this.
    served.catch(() => undefined)
    return {
      begun: Promise.race([hasBegun, cleared]),
      served,
      cleared,
      complaint: () => cleared.then(() => said.complaint),
      // To start a thread takes a processor, which the runtime needs until then.
      hasStarted: () => {
        this.threads.prepare()
      },
      letGo: () => undefined,
    }
  }

  /** Names of the containers whose roots are served. */
  names(): string[] {
    return [...this.served.values()].map(({ container }) => container.record.name)
  }

  has(id: string): boolean {
    return this.served.has(id)
  }

  /** Until nothing is served of it any more. */
  async untilCleared(id: string): Promise<void> {
    await this.served.get(id)?.cleared
  }

  /** Ends the containers, as `stop` does; they stay, as exited. */
  async end(seconds: number): Promise<void> {
    await Promise.all(
      [...this.served.values()].map(async ({ containers, container, cleared }) => {
        try {
          await stopContainer(containers, container, seconds)
          await cleared
        } catch (error) {
          // The others are to end all the same; this one does when its root is not served any more.
          log.error(`cannot stop ${container.record.name}: ${String(error)}`, error)
        }
      }),
    )
  }

  private async serveToEnd(
    containers: Containers,
    container: Container,
    root: RootToServe,
    service: Service,
  ): Promise<void> {
    try {
      await serveRoot(containers, container, root, service)
    } catch (error) {
      log.error(`the root of ${container.record.name}: ${String(error)}`, error)
    }
  }
}
