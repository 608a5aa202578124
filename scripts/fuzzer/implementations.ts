// The union mounts that can be set against each other. Each is given the same directories; only
// the way to mount, to unmount and to ask for figures differs.
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { projectRoot } from './project.js'
import { run } from './scratch.js'

export interface Directories {
  /** Topmost first. */
  readonly lowers: readonly string[]
  readonly upper: string
  readonly work: string
}

export interface Implementation {
  readonly name: string
  mount(directories: Directories, at: string): void
  /** Requests by FUSE opcode since the mount; empty where there are none. */
  requests(at: string): Record<string, number>
}

export const TARGETS = ['plyfs', 'kernel', 'fuse-overlayfs'] as const
export type Target = (typeof TARGETS)[number]

/** The options of the comparison, in kernel overlayfs's words. */
const KERNEL_OPTIONS = 'redirect_dir=on,index=on,xino=on,metacopy=off'

export const kernel: Implementation = {
  name: 'kernel',
  mount(directories, at) {
    const options = `${layerOptions(directories)},${KERNEL_OPTIONS}`
    run('mount', ['-t', 'overlay', 'overlay', '-o', options, at])
  },
  requests: () => ({}),
}

/** The launcher's default options are those of the comparison; `extra` goes on top. */
export function plyfs(extra: string): Implementation {
  const launcher = join(projectRoot(), 'native-helpers/build/Release/plyfs')
  return {
    name: 'plyfs',
    mount(directories, at) {
      const options = layerOptions(directories) + (extra ? `,${extra}` : '')
      run(launcher, ['mount', '-o', options, at])
    },
    requests(at) {
      const stats: unknown = JSON.parse(run(launcher, ['stats', '--json', at]))
      const requests =
        typeof stats === 'object' && stats && 'requests' in stats && stats.requests
      if (!requests || typeof requests !== 'object')
        throw new Error('stats without requests')
      return Object.fromEntries(
        Object.entries(requests).map(([name, count]) => [name, Number(count)]),
      )
    },
  }
}

/** To see that the fuzzer finds something. */
export const fuseOverlayfs: Implementation = {
  name: 'fuse-overlayfs',
  mount(directories, at) {
    run('fuse-overlayfs', ['-o', layerOptions(directories), at])
  },
  requests: () => ({}),
}

export function implementation(target: Target, extra: string): Implementation {
  switch (target) {
    case 'kernel':
      return kernel
    case 'fuse-overlayfs':
      return fuseOverlayfs
    case 'plyfs':
      return plyfs(extra)
  }
}

function layerOptions({ lowers, upper, work }: Directories): string {
  return `lowerdir=${lowers.join(':')},upperdir=${upper},workdir=${work}`
}

/** Ends a mount that no longer answers, so that whoever waits in it gets an error. */
export function abortConnection(at: string): void {
  const connections = '/sys/fs/fuse/connections'
  const device = mountDevice(at)
  if (device === undefined) return
  for (const name of readdirSync(connections)) {
    if (name === device) writeFileSync(join(connections, name, 'abort'), '1')
  }
}

/** The minor device number of the mount, which names its FUSE connection. */
function mountDevice(at: string): string | undefined {
  for (const line of readFileSync('/proc/self/mountinfo', 'latin1').split('\n')) {
    const fields = line.split(' ')
    if (fields[4] === at && line.includes(' - fuse')) return fields[2]?.split(':')[1]
  }
  return undefined
}

export function launcherExists(): boolean {
  const launcher = join(projectRoot(), 'native-helpers/build/Release/plyfs')
  return statSync(launcher, { throwIfNoEntry: false }) !== undefined
}
