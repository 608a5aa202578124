// What became of containers whose monitor did not live to say so: their processes are ended, and
// it is written down. Containers that go with their end go here, whoever comes by.
import { spawnSync } from 'node:child_process'
import { readIfThere, replaceFile } from '../image/store/replace-file.js'
import type { Container, Containers } from './containers.js'
import { removeGroups } from './control-groups.js'
import { runtimeCommand } from './runtime.js'
import { changeContainer, type ContainerState, stateOf, stateUnder } from './state.js'
import { removeOwnVolumes, Volumes } from './volumes.js'

/** 128 + SIGKILL: nobody knows better. */
export const KILLED = 137

/** Settles all of a store's containers, and what half-made ones have left. */
export async function settleAll(containers: Containers): Promise<void> {
  for (const record of await containers.sweep())
    await removeOwnVolumes(containers, record)
  await new Volumes(containers).sweep()
  for (const container of containers.list()) await settle(containers, container)
}

/** Milliseconds for another who settles the same container. */
const PATIENCE = 10_000

/** Does nothing to a container that runs, or that somebody else is changing for long. */
export async function settle(
  containers: Containers,
  container: Container,
): Promise<void> {
  if (!isUnsettled(container, stateOf(container))) return
  const lock = await changeContainer(container, PATIENCE)
  if (lock === null || lock === 'gone') return
  try {
    const state = stateUnder(container, false)
    if (state.kind === 'dead') {
      endContainer(container)
      const started = readIfThere(container.file('pid')) !== null
      const exit = { code: KILLED, started, finishedAt: new Date().toISOString() }
      replaceFile(container.file('exit.json'), `${JSON.stringify(exit)}\n`)
    }
    if (goes(container)) await removeContainer(containers, container)
  } finally {
    lock.release()
  }
}

function isUnsettled(container: Container, { kind }: ContainerState): boolean {
  return kind === 'dead' || ((kind === 'created' || kind === 'exited') && goes(container))
}

/** Whether it is one that goes with its end, and has been started. */
function goes(container: Container): boolean {
  return container.record.autoRemove && readIfThere(container.file('start.json')) !== null
}

/** Removes a container that nobody else uses, with the volumes that are its own. */
export async function removeContainer(
  containers: Containers,
  container: Container,
  withVolumes = container.record.autoRemove,
): Promise<void> {
  containers.remove(container)
  if (withVolumes) await removeOwnVolumes(containers, container.record)
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
