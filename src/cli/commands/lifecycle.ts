// Verbs on containers that are there: start, stop, restart, kill, rm, wait, pause, unpause, rename,
// attach, top.
import { spawnSync } from 'node:child_process'
import { ContainerError } from '../../container/container-error.js'
import { type Container, Containers, mustBeName } from '../../container/containers.js'
import {
  discardContainer,
  notRunning,
  pauseContainer,
  signalContainer,
  statusAfterLoss,
  stopContainer,
  unpauseContainer,
  waitForEnd,
} from '../../container/control.js'
import { tellRuntime } from '../../container/runtime.js'
import { connectMonitor } from '../../container/monitor-client.js'
import { signalNumber } from '../../container/signals.js'
import { startContainer } from '../../container/start.js'
import { holdContainer, stateOf } from '../../container/state.js'
import { settleAll } from '../../container/settle.js'
import { printLine } from '../output.js'
import { attachStreams, type Attached, endOf } from './attach-streams.js'
import { type Console, ownConsole } from './console.js'
import { followed, startOptions, verifyOf } from './run.js'
import type { StoreFlags } from './store-session.js'

/** Milliseconds for a monitor to put away what its container has left. */
const PATIENCE = 10_000

export async function openContainers(
  flags: StoreFlags,
  console: Console = ownConsole,
): Promise<Containers> {
  const containers = new Containers(await console.openStore(flags))
  for (const { message } of await settleAll(containers))
    console.complain(`plyfs: ${message}`)
  return containers
}

/** Does something to each; what fails is told, and the status is 1 then. */
async function forEach(
  flags: StoreFlags,
  names: readonly string[],
  work: (container: Container, containers: Containers) => void | Promise<void>,
  says = true,
  console: Console = ownConsole,
): Promise<number> {
  const containers = await openContainers(flags, console)
  let status = 0
  for (const name of names) {
    try {
      await work(containers.find(name), containers)
      if (says) console.print(name)
    } catch (error) {
      if (!(error instanceof ContainerError)) throw error
      console.complain(`plyfs: ${error.message}`)
      status = 1
    }
  }
  return status
}

export interface StartFlags extends StoreFlags {
  readonly attach?: boolean
  readonly interactive?: boolean
  readonly traceBoot?: boolean
  readonly verify?: string
}

/** 0, or the container's own status with -a. */
export async function start(
  names: readonly string[],
  flags: StartFlags,
  console: Console = ownConsole,
): Promise<number> {
  const follows = flags.attach === true || flags.interactive === true
  const startEach = async (container: Container, containers: Containers) => {
    await startOne(containers, container, flags, console)
  }
  if (!follows) return forEach(flags, names, startEach, true, console)
  const [name = '', ...more] = names
  if (more.length > 0) throw new ContainerError('-a and -i are for one container')
  const containers = await openContainers(flags, console)
  return startOne(containers, containers.find(name), flags, console)
}

async function startOne(
  containers: Containers,
  container: Container,
  flags: StartFlags,
  console: Console,
): Promise<number> {
  const { kind } = stateOf(container)
  if (kind === 'running') return 0
  const lock = await holdContainer(container, PATIENCE)
  if (lock === 'gone') throw new ContainerError(`No such container: ${container.id}`)
  if (lock === null)
    throw new ContainerError(
      `the container ${container.record.name} is being started, or copied from or to`,
    )
  const { terminal, input } = container.record.process
  const held: { attached?: Attached } = {}
  const started = await startContainer(containers, container, lock, {
    verify: verifyOf(flags.verify),
    ...startOptions(console, flags.traceBoot),
    beforeGo: client => {
      if (flags.attach !== true && flags.interactive !== true) return 'goes'
      const wantsInput = input && flags.interactive === true
      const how = { input: wantsInput, terminal, passSignals: true }
      const joined = console.attach(client, container, how)
      held.attached = joined
      return joined.go
    },
  })
  if (held.attached !== undefined)
    return followed(containers, container, started, held.attached)
  started.letGo()
  return 0
}

export interface StopFlags extends StoreFlags {
  readonly time?: string
}

export function stop(names: readonly string[], flags: StopFlags): Promise<number> {
  const seconds = secondsOf(flags.time)
  return forEach(flags, names, (container, containers) =>
    stopContainer(containers, container, seconds),
  )
}

export function restart(
  names: readonly string[],
  flags: StopFlags,
  console: Console = ownConsole,
): Promise<number> {
  const seconds = secondsOf(flags.time)
  const restartOne = async (container: Container, containers: Containers) => {
    await stopContainer(containers, container, seconds)
    await startOne(containers, container, {}, console)
  }
  return forEach(flags, names, restartOne, true, console)
}

function secondsOf(text = '10'): number {
  const seconds = Number(text)
  if (Number.isInteger(seconds)) return seconds
  throw new ContainerError(`-t ${text}: write a number of seconds`)
}

export interface KillFlags extends StoreFlags {
  readonly signal?: string
}

export function kill(names: readonly string[], flags: KillFlags): Promise<number> {
  const signal = signalNumber(flags.signal ?? 'KILL')
  return forEach(flags, names, container => signalContainer(container, signal))
}

export interface RmFlags extends StoreFlags {
  readonly force?: boolean
  readonly volumes?: boolean
}

export function rm(names: readonly string[], flags: RmFlags): Promise<number> {
  const how = { force: flags.force === true, volumes: flags.volumes === true }
  return forEach(flags, names, (container, containers) =>
    discardContainer(containers, container, how),
  )
}

/** Prints each one's status when it has ended. */
export function wait(names: readonly string[], flags: StoreFlags): Promise<number> {
  return forEach(
    flags,
    names,
    async (container, containers) => {
      printLine(String(await waitForEnd(containers, container)))
    },
    false,
  )
}

export function pause(names: readonly string[], flags: StoreFlags): Promise<number> {
  return forEach(flags, names, pauseContainer)
}

export function unpause(names: readonly string[], flags: StoreFlags): Promise<number> {
  return forEach(flags, names, unpauseContainer)
}

export function rename(from: string, to: string, flags: StoreFlags): Promise<number> {
  mustBeName(to)
  return forEach(
    flags,
    [from],
    (container, containers) => containers.rename(container, to),
    false,
  )
}

export interface AttachFlags extends StoreFlags {
  /** `--no-stdin` makes it false. */
  readonly stdin?: boolean
  readonly sigProxy?: string
}

/** The container's status, or 0 after ctrl-p ctrl-q. */
export async function attach(name: string, flags: AttachFlags): Promise<number> {
  const containers = await openContainers(flags)
  const container = containers.find(name)
  const client = await connectMonitor(container)
  if (client === null) throw notRunning(container)
  const { input, terminal } = container.record.process
  const attached = attachStreams(client, {
    input: input && flags.stdin !== false,
    terminal,
    passSignals: flags.sigProxy !== 'false',
  })
  const code = await endOf(attached, () => client.close())
  if (code !== null) return code
  if (client.hasEnded) return statusAfterLoss(containers, container)
  client.close()
  return 0
}

/** The host's ps on the container's processes. */
export async function top(
  name: string,
  options: readonly string[],
  flags: StoreFlags,
): Promise<number> {
  const containers = await openContainers(flags)
  const container = containers.find(name)
  const { kind } = stateOf(container)
  if (kind !== 'running' && kind !== 'paused') throw notRunning(container)
  const pids = new Set(tellRuntime(container, ['ps', '--format', 'json']).match(/\d+/g))
  const words = options.length > 0 ? options : ['-ef']
  const listed = spawnSync('ps', words, { encoding: 'latin1' })
  const [head = '', ...rows] = listed.stdout.trimEnd().split('\n')
  const column = head.trim().split(/\s+/).indexOf('PID')
  if (listed.status !== 0 || column < 0)
    throw new ContainerError(`ps ${words.join(' ')}: there is no column PID`)
  const own = rows.filter(row => pids.has(row.trim().split(/\s+/)[column] ?? ''))
  printLine([head, ...own].join('\n'))
  return 0
}
