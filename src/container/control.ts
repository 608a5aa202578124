// What is done to a container that is there: waited for, signalled, stopped, frozen, removed. A
// signal goes through the monitor, whose child the container's process is: no other process can
// have its number.
import { ContainerError } from './container-error.js'
import type { Container, Containers } from './containers.js'
import { connectMonitor, type MonitorClient } from './monitor-client.js'
import { tellRuntime } from './runtime.js'
import { KILLED, removeContainer, settle } from './settle.js'
import { signalNumber } from './signals.js'
import { changeContainer, type ContainerState, stateOf, untilFree } from './state.js'

const SIGKILL = 9
/** Milliseconds for a monitor to put things away after its container has ended. */
const PATIENCE = 10_000

/** The state, after what a monitor that died has left is settled. */
export async function settledState(
  containers: Containers,
  container: Container,
): Promise<ContainerState> {
  const state = stateOf(container)
  if (state.kind !== 'dead') return state
  await settle(containers, container)
  return stateOf(container)
}

/** Waits until a container does not run; its last status. */
export async function waitForEnd(
  containers: Containers,
  container: Container,
): Promise<number> {
  const client = await connectMonitor(container)
  const code = client === null ? null : await exitOf(client)
  if (code !== null) return code
  const state = await settledState(containers, container)
  return state.kind === 'exited' || state.kind === 'created' ? state.code : 0
}

/** The status of a container whose monitor ended without a word; it may be gone. */
export async function statusAfterLoss(
  containers: Containers,
  container: Container,
): Promise<number> {
  const state = await settledState(containers, container)
  return state.kind === 'exited' ? state.code : KILLED
}

/** null when the monitor ended without a word. */
export function exitOf(client: MonitorClient): Promise<number | null> {
  return new Promise(resolve => {
    client.once('exit', resolve)
    client.once('end', () => {
      resolve(null)
    })
  })
}

/** Throws a ContainerError when it does not run. */
export async function signalContainer(
  container: Container,
  signal: number,
): Promise<void> {
  const client = await connectMonitor(container)
  const sent = (await client?.signal(signal)) ?? false
  client?.close()
  if (!sent) throw notRunning(container)
}

/**
 * Asks the container's process to end, and ends it when it has not after `seconds`; returns when it
 * has, and its root is unmounted. One that does not run is left alone.
 */
export async function stopContainer(
  containers: Containers,
  container: Container,
  seconds: number,
): Promise<void> {
  const client = await connectMonitor(container)
  if (client !== null) {
    const ended = exitOf(client)
    await client.signal(signalNumber(container.record.stopSignal))
    thawIfFrozen(container)
    if (seconds >= 0 && !(await within(ended, seconds * 1000)))
      await client.signal(SIGKILL)
    await ended
  }
  await settledState(containers, container)
}

/** Ends it at once, and waits for that. */
export async function killAndWait(container: Container): Promise<void> {
  const client = await connectMonitor(container)
  if (client === null) return
  const ended = exitOf(client)
  await client.signal(SIGKILL)
  thawIfFrozen(container)
  await ended
}

async function within(event: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(resolve, milliseconds, false)
  })
  try {
    return await Promise.race([event.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/** A frozen process hears nothing. */
function thawIfFrozen(container: Container): void {
  if (stateOf(container).kind === 'paused') tellRuntime(container, ['resume'])
}

export function pauseContainer(container: Container): void {
  const { kind } = stateOf(container)
  if (kind === 'paused')
    throw new ContainerError(`Container ${container.record.name} is already paused`)
  if (kind !== 'running') throw notRunning(container)
  tellRuntime(container, ['pause'])
}

export function unpauseContainer(container: Container): void {
  if (stateOf(container).kind !== 'paused')
    throw new ContainerError(`Container ${container.record.name} is not paused`)
  tellRuntime(container, ['resume'])
}

/** Takes a container away. Throws a ContainerError for one that runs, unless forced. */
export async function discardContainer(
  containers: Containers,
  container: Container,
  how: { readonly force: boolean; readonly volumes: boolean },
): Promise<void> {
  const { name } = container.record
  const { kind } = await settledState(containers, container)
  if (kind === 'running' || kind === 'paused' || kind === 'starting') {
    if (!how.force)
      throw new ContainerError(
        `the container ${name} is ${kind}: stop it first, or remove it with -f`,
      )
    await killAndWait(container)
  }
  await untilFree(container, PATIENCE)
  const lock = await changeContainer(container, PATIENCE)
  if (lock === 'gone') return
  if (lock === null)
    throw new ContainerError(
      `the container ${name} is being started, or copied from or to`,
    )
  try {
    await removeContainer(
      containers,
      container,
      how.volumes || container.record.autoRemove,
    )
  } finally {
    lock.release()
  }
}

export function notRunning(container: Container): ContainerError {
  return new ContainerError(`Container ${container.record.name} is not running`)
}
