// What became of containers whose monitor did not live to say so: their processes are ended, and
// it is written down. Containers that go with their end go here, whoever comes by.
import { spawnSync } from 'node:child_process'
import { hasCode, readIfThere, replaceFile } from '../image/store/replace-file.js'
import { sweepMounts } from '../mount/mount-records.js'
import type { Container, Containers } from './containers.js'
import { spawnWord, spawnWords } from './children.js'
import { ContainerError } from './container-error.js'
import { thawLeft } from './freeze.js'
import { hasProcesses, removeGroups } from './control-groups.js'
import { runtimeCommand, runtimeError } from './runtime.js'
import { changeContainer, type ContainerState, stateOf, stateUnder } from './state.js'
import { removeOwnVolumes, Volumes } from './volumes.js'

/** 128 + SIGKILL: nobody knows better. */
export const KILLED = 137

/**
 * Settles all of a store's containers, and what half-made ones have left; takes away the mounts of a
 * daemon that has died.
 * @returns what could not be settled, and stays as it is.
 */
export async function settleAll(containers: Containers): Promise<ContainerError[]> {
  sweepMounts(containers.store.place)
  for (const record of await containers.sweep())
    await removeOwnVolumes(containers, record)
  await new Volumes(containers).sweep()
  const problems: ContainerError[] = []
  for (const container of containers.list()) {
    try {
      await settle(containers, container)
    } catch (error) {
      if (!(error instanceof ContainerError)) throw error
      problems.push(error)
    }
  }
  return problems
}

/** Milliseconds for another who settles the same container. */
const PATIENCE = 10_000

/**
 * Does nothing to a container that runs, unless a killed command has left it frozen, or that somebody else is changing for long.
 * @throws ContainerError when something of one that does not run cannot be ended.
 */
export async function settle(
  containers: Containers,
  container: Container,
): Promise<void> {
  thawLeft(container)
  if (!isUnsettled(container, stateOf(container))) return
  const lock = await changeContainer(container, PATIENCE)
  if (lock === null || lock === 'gone') return
  try {
    const state = stateUnder(container, false)
    if (state.kind === 'dead') {
      endContainer(container)
      noteKilled(container)
    }
    if (goes(container)) await removeContainer(containers, container)
  } finally {
    lock.release()
  }
}

/** Throws a ContainerError where the disk is full: it is noted once there is room. */
function noteKilled(container: Container): void {
  const started = readIfThere(container.file('pid')) !== null
  const exit = { code: KILLED, started, finishedAt: new Date().toISOString() }
  try {
    replaceFile(container.file('exit.json'), `${JSON.stringify(exit)}\n`)
  } catch (error) {
    if (!hasCode(error, 'ENOSPC', 'EDQUOT', 'EROFS')) throw error
    throw new ContainerError(
      `cannot note that the container ${container.record.name} was killed: ${(error as Error).message}`,
    )
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

/**
 * Ends whatever still runs of a container, and what the kernel and the runtime keep of it.
 * @throws ContainerError when something runs on.
 */
function endContainer(container: Container): void {
  const [program = '', ...options] = spawnWords(runtimeCommand(container))
  const ran = spawnSync(program, [...options, 'delete', '--force', container.id], {
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'latin1',
    cwd: spawnWord(container.folder),
  })
  if (ran.status !== 0 && hasProcesses(container.id))
    throw new ContainerError(
      `cannot end what is left of the container ${container.record.name}: ` +
        (runtimeError(container) ?? ran.error?.message ?? ran.stderr.trim()),
    )
  removeGroups(container.id)
}
