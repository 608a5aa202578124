// The daemon: one process that serves the mounts of a store, and does what it is asked for over a
// unix socket. It lives until it is told to stop; its mounts end with it.
import type * as http from 'node:http'
import type { Store } from '../image/store/store.js'
import { MountRecords } from '../mount/mount-records.js'
import { raiseFileLimit } from '../mount/serve.js'
import { SharedThread } from '../mount/shared-thread.js'
import { SpareThreads } from '../mount/spare-threads.js'
import { VERSION } from '../mount/version.js'
import { textOfBytes } from '../bytes/bytes-text.js'
import { ApiError } from './api-error.js'
import { routeCommand, type RunCommand } from './commands.js'
import {
  type ApiAnswer,
  type ApiRequest,
  createApiServer,
  type Handler,
} from './http-server.js'
import { routeContainers } from './container-routes.js'
import { routeMounts } from './mount-routes.js'
import { Mounts } from './mounts.js'
import { flagField, objectOf } from './request-fields.js'
import { Roots } from './roots.js'
import { listenOnActivated, listenOnPath } from './socket.js'

/** Milliseconds for mounts that are in use to end with the daemon. */
const PATIENCE = 5000
/** Seconds for containers to end when they are asked to. */
const STOP_SECONDS = 5

export interface DaemonSettings {
  readonly store: Store
  /** Where to listen; null for the socket that systemd has handed over. */
  readonly socket: string | null
  /** What does the command lines that are handed over, with the daemon's own mounts. */
  readonly commands: (daemon: Daemon) => RunCommand
}

export class Daemon {
  readonly store: Store
  readonly mounts: Mounts
  readonly roots: Roots
  /** Fulfilled when the daemon has stopped. */
  readonly stopped: Promise<void>
  private readonly records: MountRecords
  private readonly thread = new SharedThread()
  private readonly threads = new SpareThreads()
  private readonly server: http.Server
  private stopping: Promise<void> | null = null
  private hasStopped: () => void = () => undefined
  /** Clients who have asked it to stop. */
  private readonly waiting: http.ServerResponse[] = []

  private constructor({ store, commands }: DaemonSettings, records: MountRecords) {
    this.store = store
    this.records = records
    this.mounts = new Mounts(records, this.thread, this.threads)
    this.roots = new Roots(this.threads)
    this.stopped = new Promise(resolve => (this.hasStopped = resolve))
    const run = commands(this)
    const handler: Handler = request => this.handle(run, request)
    // The socket's mode lets in nobody else, where the daemon has made it.
    const own = process.geteuid?.() ?? 0
    this.server = createApiServer(handler, ({ uid }) => uid === 0 || uid === own)
  }

  /** Fulfilled when it listens. Throws an ApiError when the store has a daemon, or it cannot. */
  static async start(settings: DaemonSettings): Promise<Daemon> {
    raiseFileLimit()
    const records = MountRecords.open(settings.store.place)
    if (records === null) {
      const root = textOfBytes(settings.store.place.root)
      throw new ApiError(409, 'conflict', `the store ${root} has a daemon already`)
    }
    const daemon = new Daemon(settings, records)
    try {
      if (settings.socket === null) await listenOnActivated(daemon.server)
      else await listenOnPath(daemon.server, settings.socket)
    } catch (error) {
      records.release()
      if (!(error instanceof Error && 'syscall' in error)) throw error
      const where = settings.socket ?? 'the socket of systemd'
      throw new ApiError(
        409,
        'conflict',
        `cannot listen on ${where}: ${error.message}; name another with --socket`,
      )
    }
    daemon.thread.get()
    daemon.threads.prepare()
    return daemon
  }

  /** Ends what it serves, then the daemon; the first call counts. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  private async end(): Promise<void> {
    this.server.close()
    await this.roots.end(STOP_SECONDS)
    await this.mounts.end(PATIENCE)
    this.thread.end()
    await this.threads.end()
    this.records.release()
    await Promise.all(this.waiting.map(answerEmpty))
    this.server.closeAllConnections()
    this.hasStopped()
  }

  private async handle(run: RunCommand, request: ApiRequest): Promise<ApiAnswer> {
    const [version, what, ...rest] = request.path.split('/').slice(1)
    const answer = version === 'v1' ? await this.route(run, what, rest, request) : null
    if (answer !== null) return answer
    throw new ApiError(404, 'not-found', `there is no ${request.method} ${request.path}`)
  }

  private async route(
    run: RunCommand,
    what: string | undefined,
    rest: readonly string[],
    request: ApiRequest,
  ): Promise<ApiAnswer | null> {
    if (this.stopping !== null)
      throw new ApiError(503, 'stopping', 'the daemon is ending')
    if (what === 'mounts') return routeMounts(this.store, this.mounts, rest, request)
    if (what === 'containers')
      return routeContainers(this.store, this.roots, rest, request)
    const is = (method: string, name: string): boolean =>
      what === name && rest.length === 0 && request.method === method
    if (is('POST', 'commands')) return routeCommand(run, request)
    if (is('GET', 'version')) return { status: 200, json: this.describe() }
    if (is('POST', 'stop')) return this.answerStop(request)
    return null
  }

  private describe(): unknown {
    return {
      version: VERSION,
      api: 'v1',
      pid: process.pid,
      root: textOfBytes(this.store.place.root),
      mounts: this.mounts.list().length,
      containers: this.roots.names().length,
    }
  }

  /** Refused while something would be hurt, unless forced. */
  private answerStop({ body }: ApiRequest): ApiAnswer {
    const force = flagField(objectOf(body, ['force']), 'force')
    if (!force) this.refuseWhileUsed()
    return {
      stream: async response => {
        this.waiting.push(response)
        await this.stop()
      },
    }
  }

  private refuseWhileUsed(): void {
    const running = this.roots.names()
    if (running.length === 0) return
    throw new ApiError(
      409,
      'in-use',
      `these containers would end with the daemon: ${running.map(textOfBytes).join(', ')}; stop them first, or add --force`,
    )
  }
}

/** Fulfilled when it is sent, or the client has gone. */
function answerEmpty(response: http.ServerResponse): Promise<void> {
  return new Promise(resolve => {
    if (response.destroyed) resolve()
    response.once('close', resolve)
    response.writeHead(204, { Connection: 'close' })
    response.end()
  })
}
