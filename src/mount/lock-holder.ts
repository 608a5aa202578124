// Who holds the lock of a directory, and whether that process still serves a mount: told from
// /proc/locks and from the FUSE connections that its descriptors of /dev/fuse show (fdinfo, Linux
// 6.16). Reads only; says "don't know" rather than guess.
import { readdirSync, readFileSync } from 'node:fs'
import type { LayerPlace } from './layer-place.js'
import { readMountinfo } from './mountinfo.js'

/**
 * Where the holder of `place`'s flock has a FUSE filesystem mounted; null when it has none, or
 * when that cannot be seen (another user's process, an older kernel).
 */
export function lockHolderMounted(place: LayerPlace): string | null {
  const pid = lockHolder(readFileSync('/proc/locks', 'latin1'), place)
  if (pid === null) return null
  try {
    const connections = fuseConnections(pid)
    const mounted = readMountinfo(pid).find(
      entry => entry.type.startsWith('fuse') && connections.has(entry.device),
    )
    return mounted?.mountPoint ?? null
  } catch {
    // It ended between two looks, or it is not ours to look at.
    return null
  }
}

/** The process that /proc/locks (proc_locks(5)) names for a directory's flock. */
export function lockHolder(
  locks: string,
  place: Pick<LayerPlace, 'inside' | 'identity'>,
): number | null {
  const inode = place.identity.slice(place.identity.indexOf(':') + 1)
  const [major = '', minor = ''] = place.inside?.device.split(':') ?? []
  const hex = (number: string): string => Number(number).toString(16).padStart(2, '0')
  const file = `${hex(major)}:${hex(minor)}:${inode}`
  for (const line of locks.split('\n')) {
    const fields = line.split(/\s+/)
    // `1: FLOCK ADVISORY WRITE 1234 00:26:4 0 EOF`; a waiter has `->` after the number.
    if (fields[1] === 'FLOCK' && fields[5] === file) return Number(fields[4])
  }
  return null
}

/** The device numbers of the FUSE filesystems that a process answers for, as in a mount table. */
function fuseConnections(pid: number): Set<string> {
  const found = new Set<string>()
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1')
    const minor = /^fuse_connection:\s*(\d+)$/m.exec(info)?.[1]
    if (minor !== undefined) found.add(`0:${minor}`)
  }
  return found
}
