// config.json of the OCI runtime specification for a container. Pure: record and circumstances to
// the document. Strings are bytes; it is written as they are.
import { capabilitiesOf } from './capabilities.js'
import type { ContainerMount, ContainerRecord } from './record.js'
import type { Identity } from './users.js'

export interface Circumstances {
  readonly identity: Identity
  /** Capabilities that we have ourselves, a bit mask. */
  readonly held: bigint
  /** The container's folder, where hosts, hostname and resolv.conf are. */
  readonly folder: string
  /** Where a volume's files are. */
  readonly volume: (name: string) => string
  /** Whether the host has control groups of version 2 alone. */
  readonly unified: boolean
}

interface OciMount {
  readonly destination: string
  readonly type: string
  readonly source: string
  readonly options: readonly string[]
}

/** Kernel filesystems that every container has (OCI runtime specification, config-linux.md). */
function kernelMounts({ network }: ContainerRecord, unified: boolean): OciMount[] {
  const shut = ['nosuid', 'noexec', 'nodev']
  const cgroup = unified ? 'cgroup2' : 'cgroup'
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: shut },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: [...shut, 'mode=1777', 'size=65536k'],
    },
    { destination: '/dev/mqueue', type: 'mqueue', source: 'mqueue', options: shut },
    // sysfs belongs to a network namespace; the host's is not ours to mount anew.
    network === 'host'
      ? {
          destination: '/sys',
          type: 'bind',
          source: '/sys',
          options: ['rbind', 'ro', ...shut],
        }
      : { destination: '/sys', type: 'sysfs', source: 'sysfs', options: [...shut, 'ro'] },
    {
      destination: '/sys/fs/cgroup',
      type: unified ? cgroup : 'cgroup',
      source: 'cgroup',
      options: [...shut, 'relatime', 'ro'],
    },
  ]
}

/** Files that say who and where the container is; see start.ts. */
export const OWN_FILES = ['hosts', 'hostname', 'resolv.conf'] as const

function ownMounts(folder: string): OciMount[] {
  return OWN_FILES.map(name => ({
    destination: `/etc/${name}`,
    type: 'bind',
    source: `${folder}/${name}`,
    options: ['rbind', 'rprivate'],
  }))
}

function askedMount(mount: ContainerMount, volume: (name: string) => string): OciMount {
  const destination = mount.target
  if (mount.type === 'tmpfs') {
    const options = ['nosuid', 'nodev', 'noexec', ...mount.options]
    return { destination, type: 'tmpfs', source: 'tmpfs', options }
  }
  const source = mount.type === 'bind' ? mount.source : volume(mount.name)
  const options = ['rbind', 'rprivate', mount.readOnly ? 'ro' : 'rw']
  return { destination, type: 'bind', source, options }
}

/** Every mount of a container, in the order in which they are made: parents first. */
export function mountsOf(
  record: ContainerRecord,
  { folder, volume, unified }: Pick<Circumstances, 'folder' | 'volume' | 'unified'>,
): OciMount[] {
  const asked = record.mounts.map(mount => askedMount(mount, volume))
  const targets = new Set(asked.map(({ destination }) => destination))
  const given = [...kernelMounts(record, unified), ...ownMounts(folder)].filter(
    ({ destination }) => !targets.has(destination),
  )
  const depth = ({ destination }: OciMount): number => destination.split('/').length
  return [...given, ...asked.toSorted((one, two) => depth(one) - depth(two))]
}

/** The document. */
export function runtimeConfig(record: ContainerRecord, given: Circumstances): unknown {
  const capabilities = capabilitiesOf(record.capAdd, record.capDrop, given.held)
  const { identity, unified } = given
  return {
    ociVersion: '1.0.2',
    process: { ...processOf(record, identity), ...rights(capabilities, identity) },
    root: { path: 'rootfs', readonly: record.readOnly },
    ...(record.network === 'host' ? {} : { hostname: record.hostname }),
    mounts: mountsOf(record, given),
    linux: {
      cgroupsPath: `/plyfs/${record.id}`,
      namespaces: namespacesOf(record, unified),
      resources: resourcesOf(record),
      maskedPaths: MASKED,
      readonlyPaths: READ_ONLY,
    },
  }
}

/** What runs, as whom, with what: also for a process that joins later. */
export function processOf(
  { process, hostname }: Pick<ContainerRecord, 'process' | 'hostname'>,
  identity: Identity,
): Record<string, unknown> {
  const { entrypoint, command, env, directory, terminal } = process
  const given = new Set(env.map(one => one.slice(0, one.indexOf('='))))
  const added: [string, string][] = [
    ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['HOSTNAME', hostname],
    ...(terminal ? ([['TERM', 'xterm']] as [string, string][]) : []),
    ['HOME', identity.home === '' ? '/' : identity.home],
  ]
  const missing = added.filter(([key]) => !given.has(key))
  return {
    terminal,
    user: {
      uid: identity.uid,
      gid: identity.gid,
      ...(identity.groups.length === 0 ? {} : { additionalGids: identity.groups }),
    },
    args: [...entrypoint, ...command],
    env: [...missing.map(([key, value]) => `${key}=${value}`), ...env],
    cwd: directory,
    noNewPrivileges: false,
  }
}

/** A user who is not root has what its programs' files give, as docker has it. */
export function rights(
  capabilities: readonly string[],
  { uid }: Identity,
): Record<string, unknown> {
  const own = uid === 0 ? capabilities : []
  return {
    capabilities: {
      bounding: capabilities,
      permitted: own,
      effective: own,
      inheritable: [],
      ambient: [],
    },
  }
}

function namespacesOf(
  { network }: ContainerRecord,
  unified: boolean,
): { type: string }[] {
  const types = ['pid', 'ipc', 'mount', ...(network === 'host' ? [] : ['network', 'uts'])]
  return [...types, ...(unified ? ['cgroup'] : [])].map(type => ({ type }))
}

/** No devices but the usual ones (docker's list). */
function resourcesOf({ limits }: ContainerRecord): unknown {
  const period = 100_000
  return {
    devices: [
      { allow: false, access: 'rwm' },
      ...DEVICES.map(([type, major, minor]) => ({
        allow: true,
        type,
        major,
        ...(minor === null ? {} : { minor }),
        access: 'rwm',
      })),
      // Nodes of any device may be made, though not opened.
      { allow: true, type: 'c', access: 'm' },
      { allow: true, type: 'b', access: 'm' },
    ],
    ...(limits.memory === null ? {} : { memory: { limit: limits.memory } }),
    ...(limits.cpus === null
      ? {}
      : { cpu: { quota: Math.round(limits.cpus * period), period } }),
  }
}

/** null, zero, full, random, urandom, tty, console, ptmx and the pseudo-terminals. */
const DEVICES: readonly (readonly [type: string, major: number, minor: number | null])[] =
  [
    ['c', 1, 3],
    ['c', 1, 5],
    ['c', 1, 7],
    ['c', 1, 8],
    ['c', 1, 9],
    ['c', 5, 0],
    ['c', 5, 1],
    ['c', 5, 2],
    ['c', 136, null],
  ]

const MASKED = [
  ...['/proc/asound', '/proc/acpi', '/proc/kcore', '/proc/keys', '/proc/latency_stats'],
  ...['/proc/timer_list', '/proc/timer_stats', '/proc/sched_debug', '/proc/scsi'],
  '/sys/firmware',
]

const READ_ONLY = ['bus', 'fs', 'irq', 'sys', 'sysrq-trigger'].map(
  name => `/proc/${name}`,
)
