// Mounts of the kernel's own filesystems outlive the process that made them. One is known again by
// what the mount table says of it: the filesystem's device, and the folder of it that is shown.
import { readFileSync } from 'node:fs'

/** The fields of proc_pid_mountinfo(5), as they are written. */
const ID = 0
const DEVICE = 2
const ROOT = 3

/** What a mount is known by, by its number in the mount table; null where it has none there. */
export function mountKey(id: number): string | null {
  const line = table().find(fields => fields[ID] === String(id))
  return line === undefined ? null : keyOf(line)
}

/** Whether something with that key is mounted, as this process sees it. */
export function isMountedByKernel(key: string): boolean {
  return table().some(fields => keyOf(fields) === key)
}

function table(): string[][] {
  const text = readFileSync('/proc/self/mountinfo', 'latin1')
  return text.split('\n').map(line => line.split(' '))
}

function keyOf(fields: readonly string[]): string {
  return `${fields[DEVICE] ?? ''} ${fields[ROOT] ?? ''}`
}
