// Capabilities by name (linux/capability.h), and those that a container has by default: docker's.
import { ContainerError } from './container-error.js'

const ALL = [
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID'],
  ...['SETUID', 'SETPCAP', 'LINUX_IMMUTABLE', 'NET_BIND_SERVICE', 'NET_BROADCAST'],
  ...['NET_ADMIN', 'NET_RAW', 'IPC_LOCK', 'IPC_OWNER', 'SYS_MODULE', 'SYS_RAWIO'],
  ...['SYS_CHROOT', 'SYS_PTRACE', 'SYS_PACCT', 'SYS_ADMIN', 'SYS_BOOT', 'SYS_NICE'],
  ...['SYS_RESOURCE', 'SYS_TIME', 'SYS_TTY_CONFIG', 'MKNOD', 'LEASE', 'AUDIT_WRITE'],
  ...['AUDIT_CONTROL', 'SETFCAP', 'MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM'],
  ...['BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF', 'CHECKPOINT_RESTORE'],
].map(name => `CAP_${name}`)

const DEFAULT: ReadonlySet<string> = new Set(
  [
    ...[
      'CHOWN',
      'DAC_OVERRIDE',
      'FSETID',
      'FOWNER',
      'MKNOD',
      'NET_RAW',
      'SETGID',
      'SETUID',
    ],
    ...['SETFCAP', 'SETPCAP', 'NET_BIND_SERVICE', 'SYS_CHROOT', 'KILL', 'AUDIT_WRITE'],
  ].map(name => `CAP_${name}`),
)

/**
 * What a container may do; `ALL` adds or drops all of them, and what is named goes before that.
 * @param held bit mask of those that we have ourselves: nobody can give more.
 * @throws ContainerError for a name that is none.
 */
export function capabilitiesOf(
  add: readonly string[],
  drop: readonly string[],
  held: bigint,
): string[] {
  const added = add.map(capability)
  const dropped = drop.map(capability)
  return ALL.filter((name, bit) => {
    if (((held >> BigInt(bit)) & 1n) === 0n) return false
    if (dropped.includes(name)) return false
    if (added.includes(name)) return true
    if (dropped.includes('ALL')) return false
    return added.includes('ALL') || DEFAULT.has(name)
  })
}

/** @throws ContainerError */
export function capability(text: string): string {
  const name = text.toUpperCase()
  if (name === 'ALL') return name
  const full = name.startsWith('CAP_') ? name : `CAP_${name}`
  if (ALL.includes(full)) return full
  throw new ContainerError(`${text} is no capability: see capabilities(7)`)
}
