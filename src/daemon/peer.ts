// Who is at the other end of a connection, as the kernel tells it (SO_PEERCRED of unix(7)).
import * as fs from 'node:fs'
import type { Socket } from 'node:net'
import { FsError } from '../errno/fs-error.js'
import { peerCredentials } from '../sys/process.js'

export interface Peer {
  /** 0 for one that cannot be seen from here. */
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/** @throws FsError. */
export function peerOf(socket: Socket): Peer {
  const found = new Int32Array(3)
  const result = peerCredentials(descriptorOf(socket), found)
  if (result < 0) throw new FsError(result, 'getsockopt')
  const [pid = 0, uid = 0, gid = 0] = found
  return { pid, uid: uid >>> 0, gid: gid >>> 0 }
}

/** Node shows it nowhere else. */
function descriptorOf(socket: Socket): number {
  const { _handle } = socket as unknown as { _handle: { fd: number } | null }
  return _handle?.fd ?? -1
}

/**
 * Whether paths and mounts are the same for a process as for this one: mount namespace and root
 * directory; and whether its rights are worth the same: user namespace.
 */
export function sharesOurView(pid: number): boolean {
  if (pid === 0) return false
  try {
    return view(String(pid)) === view('self')
  } catch {
    // It has gone, or it is not ours to look at.
    return false
  }
}

function view(pid: string): string {
  const root = fs.statSync(`/proc/${pid}/root/`, { bigint: true })
  const links = ['mnt', 'user'].map(name => fs.readlinkSync(`/proc/${pid}/ns/${name}`))
  return [...links, root.dev, root.ino].join(' ')
}
