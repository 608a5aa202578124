// What /proc says of another thread: its groups, and whether it is being killed. Read with plain
// system calls, since the serving thread may not wait for anything.
import { AT_FDCWD, O_RDONLY } from './constants.js'
import { close, openat2, pread } from './file.js'

/** SIGKILL's bit in SigPnd and ShdPnd; a fatal signal sets it for every thread it ends. */
const SIGKILL_BIT = 1n << 8n
const buffer = Buffer.alloc(16_384)

/** Supplementary groups of a thread, null where it cannot be asked (another PID namespace). */
export function groupsOf(tid: number): Set<number> | null {
  const line = field(tid, 'Groups')
  if (line === null) return null
  return new Set(line.split(/\s+/).filter(Boolean).map(Number))
}

/** Whether a signal that ends the thread is pending (complete_signal of kernel/signal.c). */
export function isBeingKilled(tid: number): boolean {
  for (const name of ['SigPnd', 'ShdPnd']) {
    const mask = field(tid, name)
    if (mask !== null && (BigInt(`0x${mask}`) & SIGKILL_BIT) !== 0n) return true
  }
  return false
}

/** Whether a capability is in a thread's effective set; false where it cannot be asked. */
export function hasCapability(tid: number, capability: number): boolean {
  const mask = field(tid, 'CapEff')
  return mask !== null && ((BigInt(`0x${mask}`) >> BigInt(capability)) & 1n) === 1n
}

function field(tid: number, name: string): string | null {
  if (tid === 0) return null
  const fd = openat2(AT_FDCWD, `/proc/${tid}/status`, O_RDONLY, 0, 0)
  if (fd < 0) return null
  const length = pread(fd, buffer, 0, buffer.length, 0)
  close(fd)
  const text = buffer.latin1Slice(0, Math.max(length, 0))
  return new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(text)?.[1]?.trim() ?? null
}
