// The processes that one task started, servers that left its session too: they carry a mark in
// their environment. Only processes with the mark asked for are touched.
import * as fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** The environment variable that carries the mark. */
export const MARK = 'PLYFS_SCRIPT_MARK'

/** User and system seconds that the marked processes have used, with all their threads. */
export function cpuSeconds(mark: string): number {
  return marked(mark).reduce((sum, pid) => sum + cpuOf(pid), 0)
}

/** Fields 14 and 15 of /proc/PID/stat, in ticks of 1/100 s; the name in field 2 may hold spaces. */
function cpuOf(pid: number): number {
  const fields = read(`/proc/${pid}/stat`)
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / 100
}

/**
 * Gives the marked processes `patience` milliseconds to end, then aborts the FUSE connections
 * of their mount namespaces and kills them. Returns a line for each that had to be killed.
 */
export async function endMarked(mark: string, patience: number): Promise<string[]> {
  const until = Date.now() + patience
  let pids = marked(mark)
  while (pids.length > 0 && Date.now() < until) {
    await delay(50)
    pids = marked(mark)
  }
  if (pids.length === 0) return []
  const told = pids.map(pid => `${pid} ${commandOf(pid)}`)
  abortConnections(pids)
  for (let round = 0; round < 50 && pids.length > 0; round++) {
    for (const pid of pids) kill(pid)
    await delay(50)
    pids = marked(mark)
  }
  return told
}

/** The processes with this mark. */
export function marked(mark: string): number[] {
  const wanted = `${MARK}=${mark}`
  return fs
    .readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => environmentOf(pid).includes(wanted))
    .map(Number)
}

/** Empty for a process that is gone, is not ours to read, or is a zombie. */
function environmentOf(pid: string): string[] {
  return read(`/proc/${pid}/environ`).split('\0')
}

function commandOf(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim()
}

/**
 * Ends the requests that callers wait for. Only mount namespaces that the task made are looked
 * at: the connections of this process's own are not the task's.
 */
function abortConnections(pids: readonly number[]): void {
  const ours = connectionsOf('self')
  for (const pid of pids) {
    for (const id of connectionsOf(String(pid))) {
      if (ours.has(id)) continue
      try {
        fs.writeFileSync(`/sys/fs/fuse/connections/${id}/abort`, '1')
      } catch {
        // The connection has ended, or fusectl is not mounted: killing the server is next.
      }
    }
  }
}

/** A FUSE mount's connection is named by the minor number of its device. */
function connectionsOf(pid: string): Set<string> {
  const found = new Set<string>()
  for (const line of read(`/proc/${pid}/mountinfo`).split('\n')) {
    const [, , device] = line.split(' ')
    const minor = device?.split(':')[1]
    if (minor !== undefined && / - fuse(blk|\.\S+)? /.test(line)) found.add(minor)
  }
  return found
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}
