// What became of containers whose monitor did not live to say so: their processes are ended, and
// it is written down. Containers that go with their end go here, whoever comes by.
import { spawnSync } from 'node:child_process'
import { readIfThere, replaceFile } from '../image/store/replace-file.js'
import type { Container, Containers } from './containers.js'
import { removeGroups } from './control-groups.js'
import { runtimeCommand } from './runtime.js'
import { holdContainer, stateUnder } from './state.js'
import { Volumes } from './volumes.js'

/** 128 + SIGKILL: nobody knows better. */
export const KILLED = 137

/** Settles all of a store's containers, and what half-made ones have left. */
export async function settleAll(containers: Containers): Promise<void> {
  await containers.sweep()
  for (const container of containers.list()) await settle(containers, container)
}

/** Does nothing to a container that runs, or that somebody else is changing. */
export async function settle(
  containers: Containers,
  container: Container,
): Promise<void> {
  const lock = await holdContainer(container, 0)
  if (lock === null || lock === 'gone') return
  try {
    if (containers.open(container.id) === null) return
    const state = stateUnder(container, false)
    if (state.kind === 'dead') {
      endContainer(container)
      const started = readIfThere(container.file('pid')) !== null
      const exit = { code: KILLED, started, finishedAt: new Date().toISOString() }
      replaceFile(container.file('exit.json'), `${JSON.stringify(exit)}\n`)
    }
    const hasRun = state.kind === 'dead' || wasStarted(container)
    if (container.record.autoRemove && hasRun) removeContainer(containers, container)
  } finally {
    lock.release()
  }
}

/** Removes a container that is held, with the volumes that are its own. */
export function removeContainer(
  containers: Containers,
  container: Container,
  withVolumes = container.record.autoRemove,
): void {
  const { mounts } = container.record
  containers.remove(container)
  if (!withVolumes) return
  const volumes = new Volumes(containers)
  for (const mount of mounts)
    if (mount.type === 'volume' && mount.anonymous) volumes.removeUnused(mount.name)
}

/** Ends whatever still runs of a container, and what the kernel and the runtime keep of it. */
export function endContainer(container: Container): void {
  const [program = '', ...options] = runtimeCommand(container)
  spawnSync(program, [...options, 'delete', '--force', container.id], {
    stdio: 'ignore',
    cwd: Buffer.from(container.folder, 'latin1').toString('utf8'),
  })
  removeGroups(container.id)
}

function wasStarted(container: Container): boolean {
  return readIfThere(container.file('start.json')) !== null
}
