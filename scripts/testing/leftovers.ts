// What a test file started and did not end. Every process of a test carries a mark in its
// environment, also servers that left its session; only processes with this mark are touched.
import * as fs from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** The environment variable that marks a test's processes. */
export const MARK = 'PLYFS_TEST_MARK'

/**
 * Gives the marked processes `patience` milliseconds to end, then aborts the FUSE connections
 * of their mount namespaces and kills them. Returns a line for each that had to be killed.
 */
export async function endLeftovers(mark: string, patience: number): Promise<string[]> {
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

function marked(mark: string): number[] {
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
 * Ends the requests that callers wait for. Only namespaces that the test made are looked at:
 * the connections of this process's own are not the test's.
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
