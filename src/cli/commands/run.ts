// `plyfs run` and `plyfs create`: containers out of images.
import { ContainerError, COULD_NOT_START } from '../../container/container-error.js'
import { type Container, Containers } from '../../container/containers.js'
import {
  type ContainerOptions,
  createContainer,
  createHeld,
} from '../../container/create.js'
import { statusAfterLoss } from '../../container/control.js'
import { settleAll } from '../../container/settle.js'
import {
  type StartedContainer,
  startContainer,
  type StartOptions,
} from '../../container/start.js'
import { ImageError } from '../../image/model/errors.js'
import { parsePlatform } from '../../image/model/platform.js'
import { silent } from '../../image/progress.js'
import type { ImageRecord } from '../../image/store/image-record.js'
import type { Store } from '../../image/store/store.js'
import { type LayerCheck, openVerification, type VerifyMode } from '../../image/verify.js'
import { isServed } from '../../mount/drivers/make-driver.js'
import { MountError } from '../../mount/mount-error.js'
import { asBytes, printLine } from '../output.js'
import { type Attached, endOf } from './attach-streams.js'
import { type Console, ownConsole } from './console.js'
import { containerOptions, type CreateFlags } from './container-flags.js'
import { openStore } from './store-session.js'
import { stageLine } from './trace-boot.js'

export interface RunFlags extends CreateFlags {
  readonly detach?: boolean
  readonly traceBoot?: boolean
}

/** Prints the container's ID; 0. */
export function create(
  image: string,
  command: readonly string[],
  flags: CreateFlags,
): Promise<number> {
  return withStatus(async () => {
    const options = containerOptions(flags, command, process.env, null)
    const store = await openStore(flags)
    const containers = new Containers(store)
    const record = imageFor(store, image, flags, ownConsole)
    const made = await createContainer(containers, record, image, options, silent)
    printLine(made.id)
    return 0
  })
}

/** The command's own status, or docker's 125, 126, 127. */
export function run(
  image: string,
  command: readonly string[],
  flags: RunFlags,
  console: Console = ownConsole,
): Promise<number> {
  return withStatus(async () => {
    if (flags.detach === true && flags.rm === true && flags.interactive === true)
      refuse('-d and -i with --rm leave nobody who could write: leave one out')
    const store = await console.openStore(flags)
    const options = containerOptions(flags, command, console.env, console.cwd)
    if (
      options.terminal &&
      options.input &&
      flags.detach !== true &&
      !console.inputIsTerminal
    )
      refuse('the input device is not a TTY: leave -t out')
    const containers = new Containers(store)
    for (const { message } of await settleAll(containers))
      console.complain(`plyfs: ${message}`)
    const record = imageFor(store, image, flags, console)
    const check = await earlyCheck(store, record, options, flags, console)
    try {
      const { container, lock, durable } = await createHeld(
        ...([containers, record, image, options, silent, true] as const),
      )
      // What the callback leaves there, which the compiler cannot follow.
      const held: { attached?: Attached } = {}
      const started = await startContainer(containers, container, lock, {
        verify: verifyOf(flags.verify),
        isNew: true,
        durable,
        ...(check === null ? {} : { check }),
        ...startOptions(console, flags.traceBoot),
        beforeGo: client => {
          if (flags.detach === true) return 'goes'
          const how = { ...options, passSignals: true }
          const joined = console.attach(client, container, how)
          held.attached = joined
          return joined.go
        },
      })
      return held.attached === undefined
        ? left(container, started, console)
        : await followed(containers, container, started, held.attached)
    } finally {
      check?.close()
    }
  })
}

/**
 * A check of the layers that goes on while the container is made, where this process serves its root;
 * null where another checks them.
 */
async function earlyCheck(
  store: Store,
  image: ImageRecord,
  { driver }: ContainerOptions,
  { verify }: RunFlags,
  { rootServer }: Console,
): Promise<LayerCheck | null> {
  if (rootServer === null || !isServed(driver)) return null
  await store.unpacked(image, silent)
  return openVerification(store, image, verifyOf(verify))
}

/** What a start takes from where it was called. */
export function startOptions(
  console: Console,
  traces: boolean | undefined,
): Pick<StartOptions, 'onStage' | 'rootServer'> {
  const { rootServer } = console
  const onStage: StartOptions['onStage'] = (stage, us, bytes) => {
    console.complain(stageLine(stage, us, bytes))
  }
  return {
    ...(traces === true ? { onStage } : {}),
    ...(rootServer === null ? {} : { rootServer }),
  }
}

/** The container goes on without us. */
function left({ id }: Container, started: StartedContainer, console: Console): number {
  started.letGo()
  console.print(id)
  return 0
}

/**
 * Waits for the end of a container that was started, or until the caller lets go of it.
 * @returns its status; 0 when the caller has let go.
 */
export async function followed(
  containers: Containers,
  container: Container,
  started: StartedContainer,
  attached: Attached,
): Promise<number> {
  const code = await endOf(attached, () => started.letGo())
  if (code === null && !started.client.hasEnded) {
    started.letGo()
    return 0
  }
  await started.cleared
  return code ?? statusAfterLoss(containers, container)
}

/** Errors of every kind end with 125, as the container could not be started. */
export async function withStatus(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof ImageError)
      throw new ContainerError(asBytes(error.message), COULD_NOT_START)
    if (error instanceof MountError)
      throw new ContainerError(error.message, COULD_NOT_START)
    if (error instanceof ContainerError && error.status === 1)
      throw new ContainerError(error.message, COULD_NOT_START)
    throw error
  }
}

function imageFor(
  store: Store,
  name: string,
  { platform, network }: CreateFlags,
  console: Console,
): ImageRecord {
  const record = find(store, name)
  const { os, architecture } = store.configOf(record).platform
  if (platform !== undefined) {
    const wanted = parsePlatform(platform)
    if (wanted.os !== os || wanted.architecture !== architecture)
      refuse(
        `${name} is an image for ${os}/${architecture}: pull the one for ${platform}`,
      )
  }
  if (network === undefined) tellNetwork(console)
  return record
}

function find(store: Store, name: string): ImageRecord {
  try {
    return store.resolve(name)
  } catch (error) {
    if (!(error instanceof ImageError) || error.code !== 'not-found') throw error
    return refuse(`${asBytes(error.message)}: 'plyfs pull ${name}' gets it`)
  }
}

/** Said once a command. */
function tellNetwork(console: Console): void {
  if (console.errorIsTerminal)
    console.complain(
      'plyfs: the container has no network; --network host gives it the host’s',
    )
}

export function verifyOf(text: string | undefined): VerifyMode {
  if (text === undefined) return 'quick'
  if (text === 'quick' || text === 'full' || text === 'none') return text
  return refuse(`--verify=${text}: it is quick, full or none`)
}

function refuse(message: string): never {
  throw new ContainerError(message, COULD_NOT_START)
}
