// The socket that the daemon listens on: one that it makes, or one that systemd has made and handed
// over (sd_listen_fds(3)).
import * as fs from 'node:fs'
import { once } from 'node:events'
import * as net from 'node:net'
import { hasCode } from '../image/store/replace-file.js'

/** The first descriptor that systemd hands over. */
const LISTEN_FDS_START = 3

type Environment = Record<string, string | undefined>

/** Where a user's daemon listens when nobody says: a text. */
export function defaultSocket(uid: number, env: Readonly<Environment>): string {
  if (uid === 0) return '/run/plyfs/plyfs.sock'
  return `${env['XDG_RUNTIME_DIR'] ?? `/run/user/${uid}`}/plyfs/plyfs.sock`
}

/** The path in `unix:///PATH`, or a path; null for what is neither. */
export function socketPath(host: string): string | null {
  const path = host.startsWith('unix://') ? host.slice('unix://'.length) : host
  return path.startsWith('/') ? path : null
}

/**
 * Whether systemd has handed over a socket to this process. The variables that say so are taken away:
 * they are not for its children.
 */
export function takeActivation(env: Environment): boolean {
  const isOurs =
    Number(env['LISTEN_PID']) === process.pid && Number(env['LISTEN_FDS']) > 0
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES'])
    Reflect.deleteProperty(env, name)
  return isOurs
}

/** Listens on what systemd has handed over. */
export async function listenOnActivated(server: net.Server): Promise<void> {
  server.listen({ fd: LISTEN_FDS_START })
  await once(server, 'listening')
}

/**
 * Listens on a socket of its own, which nobody but its user can connect to. One that nobody listens
 * on any more is replaced. Throws Node's error; EADDRINUSE when somebody does.
 */
export async function listenOnPath(server: net.Server, path: string): Promise<void> {
  fs.mkdirSync(path.slice(0, path.lastIndexOf('/')) || '/', {
    recursive: true,
    mode: 0o700,
  })
  if (await isDead(path)) fs.rmSync(path, { force: true })
  // The mode that it is made with: there is no moment at which others could connect.
  const before = process.umask(0o177)
  try {
    server.listen(path)
    await once(server, 'listening')
  } finally {
    process.umask(before)
  }
}

/** Whether a socket is there that nobody listens on. */
async function isDead(path: string): Promise<boolean> {
  const socket = net.connect(path)
  try {
    await once(socket, 'connect')
    return false
  } catch (error) {
    return hasCode(error, 'ECONNREFUSED')
  } finally {
    socket.destroy()
  }
}
