// From an image and what was asked for to a container: its record, its writable layer, and the
// layer for the runtime's needs. Nothing runs yet.
import * as fs from 'node:fs'
import { hostname as hostName } from 'node:os'
import { asList, asString, isObject, type JsonObject } from '../image/model/json-shape.js'
import type { Progress } from '../image/progress.js'
import type { ImageRecord } from '../image/store/image-record.js'
import { placeFileAside, replaceFile } from '../image/store/replace-file.js'
import { nodePath } from '../image/store/store-place.js'
import type { Store } from '../image/store/store.js'
import type { DriverName } from '../mount/drivers/driver.js'
import { isUnified } from './control-groups.js'
import {
  type AddedContainer,
  allOf,
  type Container,
  type Containers,
  freshId,
  useKey,
} from './containers.js'
import { ContainerError, COULD_NOT_START } from './container-error.js'
import { makeInitLayer, type Needed } from './init-layer.js'
import { bytesOfText, type ContainerMount, type ContainerRecord } from './record.js'
import { mountsOf } from './runtime-config.js'
import { spawnWord } from './children.js'
import { freshName } from './fresh-name.js'
import { freshVolumeName, removeOwnVolumes, Volumes } from './volumes.js'
import { makeWritableLayer } from './writable-layer.js'

/** What was asked for; undefined leaves it to the image. Bytes. */
export interface ContainerOptions {
  readonly name?: string
  /** '' takes the image's away. */
  readonly entrypoint?: string
  readonly command: readonly string[]
  /** KEY=VALUE, the last of a key wins. */
  readonly env: readonly string[]
  readonly directory?: string
  readonly user?: string
  readonly hostname?: string
  readonly labels: Readonly<Record<string, string>>
  readonly stopSignal?: string
  readonly terminal: boolean
  readonly input: boolean
  readonly readOnly: boolean
  readonly network: 'none' | 'host'
  readonly capAdd: readonly string[]
  readonly capDrop: readonly string[]
  readonly memory: number | null
  readonly cpus: number | null
  readonly mounts: readonly ContainerMount[]
  readonly autoRemove: boolean
  readonly driver: DriverName
  readonly runtime: string
}

/** Makes a container. Throws a ContainerError, an ImageError or an FsError; nothing stays then. */
export async function createContainer(
  containers: Containers,
  image: ImageRecord,
  imageName: string,
  options: ContainerOptions,
  progress: Progress,
): Promise<Container> {
  const { container, lock, durable } = await createHeld(
    containers,
    image,
    imageName,
    options,
    progress,
    false,
  )
  lock.release()
  await durable
  return container
}

/**
 * The same, with the lock on it: for who starts it at once.
 * @param starts it counts as started from the first moment it is seen.
 */
export async function createHeld(
  containers: Containers,
  image: ImageRecord,
  imageName: string,
  options: ContainerOptions,
  progress: Progress,
  starts: boolean,
): Promise<AddedContainer> {
  const { store } = containers
  const record = recordOf(store, image, imageName, options)
  spawnWord(store.place.root)
  await store.unpacked(image, progress)
  const volumes = new Volumes(containers)
  try {
    return await containers.add(record, async (hidden, recorded) => {
      for (const mount of record.mounts) {
        if (mount.type !== 'volume') continue
        // They are found by it, should we be killed.
        await recorded
        await volumes.ensure(mount.name, mount.anonymous)
      }
      await allOf([
        store.keepUse(image, useKey(record.id), record.name),
        ...(starts ? [placeFileAside(hidden.file('start.json'), startText())] : []),
        fillFolder(store, image, hidden),
      ])
    })
  } catch (error) {
    await removeOwnVolumes(containers, record)
    throw error
  }
}

export function writeStart(container: Container): void {
  replaceFile(container.file('start.json'), startText())
}

function startText(): string {
  return `${JSON.stringify({ startedAt: new Date().toISOString() })}\n`
}

function recordOf(
  store: Store,
  image: ImageRecord,
  imageName: string,
  options: ContainerOptions,
): ContainerRecord {
  const { run } = store.configOf(image)
  const id = freshId()
  const { entrypoint, command } = commandOf(run, options)
  if (entrypoint.length + command.length === 0)
    throw new ContainerError(
      'No command specified: the image has none either; write one after its name',
      COULD_NOT_START,
    )
  const { network, limits, ...rest } = {
    ...options,
    limits: { memory: options.memory, cpus: options.cpus },
  }
  return {
    id,
    name: options.name ?? freshName(),
    created: new Date().toISOString(),
    image: image.id,
    imageName,
    process: {
      entrypoint,
      command,
      env: merged([...strings(run, 'Env'), ...options.env]),
      directory: absolute(options.directory ?? string(run, 'WorkingDir') ?? '/'),
      user: options.user ?? string(run, 'User') ?? '',
      terminal: options.terminal,
      input: options.input,
    },
    hostname:
      options.hostname ??
      (network === 'host' ? bytesOfText(hostName()) : id.slice(0, 12)),
    labels: { ...labelsOf(run), ...options.labels },
    stopSignal: options.stopSignal ?? string(run, 'StopSignal') ?? 'SIGTERM',
    readOnly: rest.readOnly,
    network,
    capAdd: rest.capAdd,
    capDrop: rest.capDrop,
    limits,
    mounts: [...rest.mounts, ...imageVolumes(run, rest.mounts)],
    autoRemove: rest.autoRemove,
    driver: rest.driver,
    runtime: rest.runtime,
  }
}

/** An entrypoint of the caller's takes the image's command away too, as docker has it. */
function commandOf(
  run: JsonObject,
  { entrypoint, command }: ContainerOptions,
): { entrypoint: readonly string[]; command: readonly string[] } {
  if (entrypoint !== undefined)
    return { entrypoint: entrypoint === '' ? [] : [entrypoint], command }
  const own = strings(run, 'Entrypoint')
  return { entrypoint: own, command: command.length > 0 ? command : strings(run, 'Cmd') }
}

/** One of each key, the last one, where the first stood. */
function merged(env: readonly string[]): string[] {
  const found = new Map<string, string>()
  for (const one of env) found.set(one.split('=', 1)[0] ?? '', one)
  return [...found.values()]
}

function imageVolumes(
  run: JsonObject,
  asked: readonly ContainerMount[],
): ContainerMount[] {
  const taken = new Set(asked.map(({ target }) => target.replace(/\/+$/, '')))
  const volumes = run['Volumes']
  return (isObject(volumes) ? Object.keys(volumes) : [])
    .map(path => absolute(bytesOfText(path)).replace(/(?<=.)\/+$/, ''))
    .filter(target => !taken.has(target))
    .map(target => ({
      type: 'volume',
      name: freshVolumeName(),
      anonymous: true,
      target,
      readOnly: false,
    }))
}

function labelsOf(run: JsonObject): Record<string, string> {
  const labels = run['Labels']
  if (!isObject(labels)) return {}
  return Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [
      bytesOfText(key),
      bytesOfText(asString(value, `label ${key}`)),
    ]),
  )
}

function strings(run: JsonObject, key: string): string[] {
  return asList(run[key], key).map(item => bytesOfText(asString(item, key)))
}

function string(run: JsonObject, key: string): string | undefined {
  const value = run[key]
  return typeof value === 'string' && value !== '' ? bytesOfText(value) : undefined
}

function absolute(path: string): string {
  return path.startsWith('/') ? path : `/${path}`
}

/** Everything in the folder but the record. */
async function fillFolder(
  store: Store,
  image: ImageRecord,
  container: Container,
): Promise<void> {
  makeInitLayer(store, image, neededOf(container), container.file('init'))
  for (const name of ['rootfs', 'bootfs', 'runtime'])
    fs.mkdirSync(nodePath(container.file(name)), { mode: 0o700 })
  await makeWritableLayer(store, container)
}

/** Places of mounts, and the working directory. */
function neededOf({ record, folder }: Container): Needed[] {
  const given = { folder, volume: (name: string) => name, unified: isUnified() }
  const mounts = mountsOf(record, given).map(({ destination, type, source }): Needed => ({
    path: destination,
    kind: type === 'bind' && isFile(source, folder) ? 'file' : 'directory',
  }))
  return [...mounts, { path: record.process.directory, kind: 'directory' }]
}

/** The container's own files are not made yet. */
function isFile(source: string, folder: string): boolean {
  if (source.startsWith(`${folder}/`)) return true
  const stat = fs.statSync(nodePath(source), { throwIfNoEntry: false })
  return stat !== undefined && !stat.isDirectory()
}
