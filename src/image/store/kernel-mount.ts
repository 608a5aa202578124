// Mounts of the kernel's own filesystems outlive the process that made them. One is known again by
// what the mount table says of it: the filesystem's device, and the folder of it that is shown.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { hasCode } from './replace-file.js'

/** The fields of proc_pid_mountinfo(5), as they are written. */
const ID = 0
const DEVICE = 2
const ROOT = 3

/** What a mount is known by, by its number in the mount table; null where it has none there. */
export function mountKey(id: number): string | null {
  const line = table('self').find(fields => fields[ID] === String(id))
  return line === undefined ? null : keyOf(line)
}

/**
 * Whether something with that key is mounted, in the mount namespace of any process that this one
 * may look into: a namespace made while it was mounted has a mount of its own.
 */
export function isMountedByKernel(key: string): boolean {
  return namespaces().some(pid => table(pid).some(fields => keyOf(fields) === key))
}

/** A process of each mount namespace, this one's first. */
function namespaces(): string[] {
  const known = new Map<string, string>()
  for (const pid of ['self', ...readdirSync('/proc')]) {
    if (!/^(?:self|\d+)$/.test(pid)) continue
    const namespace = unlessGone(() => readlinkSync(`/proc/${pid}/ns/mnt`)) ?? ''
    if (namespace !== '' && !known.has(namespace)) known.set(namespace, pid)
  }
  return [...known.values()]
}

function table(pid: string): string[][] {
  const text = unlessGone(() => readFileSync(`/proc/${pid}/mountinfo`, 'latin1')) ?? ''
  return text.split('\n').map(line => line.split(' '))
}

/** Null for a process that has ended (EINVAL: its namespaces have been let go), or is not ours. */
function unlessGone<T>(read: () => T): T | null {
  try {
    return read()
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ESRCH', 'EINVAL', 'EACCES', 'EPERM')) return null
    throw error
  }
}

function keyOf(fields: readonly string[]): string {
  return `${fields[DEVICE] ?? ''} ${fields[ROOT] ?? ''}`
}
