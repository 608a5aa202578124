// The flags of `run` and `create`, as docker has them, to what a container is made from. Words are
// bytes.
import * as fs from 'node:fs'
import { absolutePath } from '../../bytes/absolute-path.js'
import { capability } from '../../container/capabilities.js'
import { ContainerError, COULD_NOT_START } from '../../container/container-error.js'
import type { ContainerOptions } from '../../container/create.js'
import { mustBeName } from '../../container/containers.js'
import type { ContainerMount } from '../../container/record.js'
import { findRuntime } from '../../container/runtime.js'
import { DRIVER_NAMES, type DriverName, driverNamed } from '../../mount/drivers/driver.js'
import { signalNumber } from '../../container/signals.js'
import { freshVolumeName } from '../../container/volumes.js'
import type { StoreFlags } from './store-session.js'

export interface CreateFlags extends StoreFlags {
  readonly capAdd?: readonly string[]
  readonly capDrop?: readonly string[]
  readonly cpus?: string
  readonly driver?: string
  readonly entrypoint?: string
  readonly env?: readonly string[]
  readonly envFile?: readonly string[]
  readonly hostname?: string
  readonly interactive?: boolean
  readonly label?: readonly string[]
  readonly memory?: string
  readonly name?: string
  readonly network?: string
  readonly platform?: string
  readonly publish?: readonly string[]
  readonly readOnly?: boolean
  readonly rm?: boolean
  readonly runtime?: string
  readonly stopSignal?: string
  readonly tmpfs?: readonly string[]
  readonly tty?: boolean
  readonly user?: string
  readonly verify?: string
  readonly volume?: readonly string[]
  readonly workdir?: string
}

/**
 * Throws a ContainerError with status 125.
 * @param cwd what relative paths are relative to; null is the process's own directory.
 */
export function containerOptions(
  flags: CreateFlags,
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  cwd: string | null,
): ContainerOptions {
  try {
    return optionsOf(inDirectory(flags, cwd), command, env)
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error
    throw new ContainerError(error.message, COULD_NOT_START)
  }
}

/** The flags with paths that do not depend on where we are; null leaves them as they are. */
function inDirectory(flags: CreateFlags, cwd: string | null): CreateFlags {
  if (cwd === null) return flags
  const absolute = (path: string): string =>
    path.startsWith('/') ? path : `${cwd}/${path}`
  const { envFile, volume } = flags
  return {
    ...flags,
    ...(envFile === undefined ? {} : { envFile: envFile.map(absolute) }),
    ...(volume === undefined
      ? {}
      : { volume: volume.map(one => (one.startsWith('.') ? absolute(one) : one)) }),
  }
}

function optionsOf(
  flags: CreateFlags,
  command: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): ContainerOptions {
  refuseWrong(flags)
  return {
    ...given(flags),
    command,
    env: environment(flags, env),
    labels: Object.fromEntries((flags.label ?? []).map(keyAndValue)),
    terminal: flags.tty === true,
    input: flags.interactive === true,
    readOnly: flags.readOnly === true,
    network: networkOf(flags.network),
    capAdd: flags.capAdd ?? [],
    capDrop: flags.capDrop ?? [],
    memory: flags.memory === undefined ? null : bytesOf(flags.memory),
    cpus: flags.cpus === undefined ? null : cpusOf(flags.cpus),
    mounts: [
      ...(flags.volume ?? []).map(volumeMount),
      ...(flags.tmpfs ?? []).map(tmpfsMount),
    ],
    autoRemove: flags.rm === true,
    driver: driverOf(flags.driver),
    runtime: findRuntime(flags.runtime, env),
  }
}

/** What is wrong by itself. */
function refuseWrong(flags: CreateFlags): void {
  const { name, stopSignal, publish = [], capAdd = [], capDrop = [] } = flags
  if (name !== undefined) mustBeName(name)
  if (stopSignal !== undefined) signalNumber(stopSignal)
  if (publish.length > 0)
    throw new ContainerError(
      "-p: there is no network to publish ports from; with --network host the container has the host's",
    )
  for (const one of [...capAdd, ...capDrop]) capability(one)
}

/** What the image says otherwise. */
function given(
  flags: CreateFlags,
): Pick<
  ContainerOptions,
  'name' | 'entrypoint' | 'directory' | 'user' | 'hostname' | 'stopSignal'
> {
  const { name, entrypoint, workdir, user, hostname, stopSignal } = flags
  return {
    ...(name === undefined ? {} : { name }),
    ...(entrypoint === undefined ? {} : { entrypoint }),
    ...(workdir === undefined ? {} : { directory: workdir }),
    ...(user === undefined ? {} : { user }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
  }
}

function driverOf(word = 'plyfs'): DriverName {
  const driver = driverNamed(word)
  if (driver !== null) return driver
  throw new ContainerError(
    `--driver ${word}: it is ${DRIVER_NAMES.join(', ')} or devicemapper (as block)`,
  )
}

function networkOf(text: string | undefined): 'none' | 'host' {
  if (text === undefined || text === 'none') return 'none'
  if (text === 'host') return text
  throw new ContainerError(`--network ${text}: it is none or host`)
}

/** Files first, then -e; a key without a value has the caller's, or is left out. */
function environment(
  { env = [], envFile = [] }: CreateFlags,
  own: Readonly<Record<string, string | undefined>>,
): string[] {
  const all = [...envFile.flatMap(environmentFile), ...env]
  return all.flatMap(one => {
    if (one.startsWith('=') || one === '')
      throw new ContainerError(`invalid environment variable: ${one}`)
    if (one.includes('=')) return [one]
    const value = own[one]
    return value === undefined ? [] : [`${one}=${Buffer.from(value).toString('latin1')}`]
  })
}

function environmentFile(path: string): string[] {
  let text: string
  try {
    text = fs.readFileSync(Buffer.from(path, 'latin1'), 'latin1')
  } catch (error) {
    throw new ContainerError(
      `cannot read the environment file ${path}: ${error instanceof Error ? error.message : ''}`,
    )
  }
  return text
    .split(/\r?\n/)
    .map(line => line.trimStart())
    .filter(line => line !== '' && !line.startsWith('#'))
}

function keyAndValue(text: string): [string, string] {
  const equals = text.indexOf('=')
  return equals < 0 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)]
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
}
/** As docker: the kernel could not even start a process in less. */
const LEAST_MEMORY = 6 * 1024 ** 2

function bytesOf(text: string): number {
  const [, number = '', unit = 'b'] = /^(\d+(?:\.\d+)?)([bkmg])?b?$/i.exec(text) ?? []
  const bytes = Math.round(Number(number) * (UNITS[unit.toLowerCase()] ?? NaN))
  if (number === '' || !Number.isSafeInteger(bytes))
    throw new ContainerError(`--memory ${text}: write a size, as 512m or 1g`)
  if (bytes < LEAST_MEMORY) throw new ContainerError(`--memory ${text}: 6m is the least`)
  return bytes
}

function cpusOf(text: string): number {
  const cpus = Number(text)
  if (text !== '' && cpus >= 0.01 && cpus <= 4096) return cpus
  throw new ContainerError(`--cpus ${text}: write a number of processors, as 1.5`)
}

/** NAME:PATH, /FOLDER:/PATH, or /PATH for a volume without a name; `:ro` and `:rw` after it. */
function volumeMount(text: string): ContainerMount {
  const parts = text.split(':')
  const last =
    parts.length > 1 && parts.at(-1)?.startsWith('/') === false ? parts.pop() : undefined
  const words = (last ?? 'rw').split(',')
  const unknown = words.find(word => !/^(rw|ro|z|Z)$/.test(word))
  if (unknown !== undefined)
    throw new ContainerError(`-v ${text}: unknown option ${unknown}`)
  const readOnly = words.includes('ro')
  const [first = '', second, ...more] = parts
  const target = clean(second ?? first)
  if (more.length > 0 || !target.startsWith('/') || target === '/')
    throw new ContainerError(`-v ${text}: write [SOURCE:]/PATH[:ro], and not / itself`)
  if (second === undefined)
    return { type: 'volume', name: freshVolumeName(), anonymous: true, target, readOnly }
  if (!first.startsWith('/') && !first.startsWith('.'))
    return { type: 'volume', name: first, anonymous: false, target, readOnly }
  return { type: 'bind', source: madeFolder(first), target, readOnly }
}

/** A folder of the host that is not there yet is made, as docker does. */
function madeFolder(path: string): string {
  const source = clean(absolutePath(path))
  const name = Buffer.from(source, 'latin1')
  if (!fs.existsSync(name)) fs.mkdirSync(name, { recursive: true })
  return source
}

function tmpfsMount(text: string): ContainerMount {
  const colon = text.indexOf(':')
  const target = clean(colon < 0 ? text : text.slice(0, colon))
  if (!target.startsWith('/') || target === '/')
    throw new ContainerError(`--tmpfs ${text}: write /PATH[:OPTIONS]`)
  return {
    type: 'tmpfs',
    target,
    options: colon < 0 ? [] : text.slice(colon + 1).split(','),
  }
}

/** Without dots and double slashes, not looking at links. */
function clean(path: string): string {
  const parts: string[] = []
  for (const part of path.split('/')) {
    if (part === '..') parts.pop()
    else if (part !== '' && part !== '.') parts.push(part)
  }
  return path.startsWith('/') ? `/${parts.join('/')}` : parts.join('/')
}
