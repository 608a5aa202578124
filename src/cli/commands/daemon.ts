// `plyfs daemon`: serves mounts and containers for commands that hand over what they are asked for,
// and for programs that speak its API. `daemon stop`, `restart` and `status` ask one that runs.
import * as fs from 'node:fs'
import { askDaemon } from '../../daemon/client.js'
import { Daemon } from '../../daemon/daemon.js'
import { defaultSocket, socketPath, takeActivation } from '../../daemon/socket.js'
import { hasCode } from '../../image/store/replace-file.js'
import { nodePath } from '../../image/store/store-place.js'
import type { Store } from '../../image/store/store.js'
import { MountError } from '../../mount/mount-error.js'
import { handedOver } from '../handed-over.js'
import { asBytes, printLine } from '../output.js'
import { openStore, type StoreFlags } from './store-session.js'

export interface DaemonFlags extends StoreFlags {
  readonly socket?: string
}

export interface StopDaemonFlags extends DaemonFlags {
  readonly force?: boolean
}

/** Serves until it is told to stop, or gets SIGTERM or SIGINT; 0. */
export async function runDaemon(flags: DaemonFlags): Promise<number> {
  const isActivated = takeActivation(process.env)
  const store = await openStore(flags)
  mustOwn(store)
  const socket = isActivated ? null : socketOf(flags)
  const daemon = await Daemon.start({ store, socket, commands: handedOver })
  // It holds no directory that somebody may want to unmount.
  process.chdir('/')
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => void daemon.stop())
  printLine(`listening on ${socket === null ? 'the socket of systemd' : asBytes(socket)}`)
  await daemon.stopped
  return 0
}

/** Has a daemon that runs end, and waits for that; refused while something is in use, unless forced. */
export async function stopDaemon(flags: StopDaemonFlags): Promise<number> {
  const { force = false } = flags
  await ask(flags, 'POST', '/v1/stop', { force })
  return 0
}

/** Stops a daemon that runs, as `daemon stop` does, and takes its place. */
export async function restartDaemon(flags: StopDaemonFlags): Promise<number> {
  await stopDaemon(flags)
  return runDaemon(flags)
}

/** Prints what a daemon says of itself, as JSON. */
export async function daemonStatus(flags: DaemonFlags): Promise<number> {
  printLine(asBytes(JSON.stringify(await ask(flags, 'GET', '/v1/version'))))
  return 0
}

async function ask(
  flags: DaemonFlags,
  method: string,
  path: string,
  body?: unknown,
): Promise<unknown> {
  const socket = socketOf(flags)
  try {
    return await askDaemon(socket, method, path, body)
  } catch (error) {
    if (!hasCode(error, 'ENOENT', 'ECONNREFUSED', 'EACCES')) throw error
    throw new MountError(
      `no daemon answers at ${asBytes(socket)} (${error instanceof Error ? error.message : ''})`,
      "'plyfs daemon' starts one, --socket names another",
    )
  }
}

/** Text. */
function socketOf({ socket }: DaemonFlags): string {
  // Arguments are bytes.
  const given =
    socket === undefined
      ? process.env['PLYFS_HOST']
      : Buffer.from(socket, 'latin1').toString('utf8')
  if (given === undefined || given === '' || given === 'none')
    return defaultSocket(process.geteuid?.() ?? 0, process.env)
  const path = socketPath(given)
  if (path !== null) return path
  throw new MountError(`'${given}' is no socket`, 'write unix:///PATH or a full path')
}

/** Who may use the daemon is who owns the store, and root. */
function mustOwn(store: Store): void {
  const { uid } = fs.statSync(nodePath(store.place.root))
  if (uid === process.geteuid?.()) return
  throw new MountError(
    `the store ${store.place.root} belongs to user ${uid}`,
    'run the daemon as that user',
  )
}
