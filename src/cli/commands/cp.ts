// `plyfs cp CONTAINER:PATH PATH|-` and `plyfs cp PATH|- CONTAINER:PATH`.
import type { Container, Containers } from '../../container/containers.js'
import { ContainerError } from '../../container/container-error.js'
import {
  copyIn,
  type CopyOptions,
  copyOut,
  streamIn,
  streamOut,
} from '../../container/copy.js'
import { printError } from '../output.js'
import { toStandardOutput } from '../write-stream.js'
import { openContainers } from './lifecycle.js'
import type { StoreFlags } from './store-session.js'

export interface CpFlags extends StoreFlags {
  readonly archive?: boolean
  readonly followLink?: boolean
  readonly quiet?: boolean
}

/** 0. Throws a ContainerError. */
export async function cp(
  source: string,
  target: string,
  flags: CpFlags,
): Promise<number> {
  const from = splitArgument(source)
  const to = splitArgument(target)
  if (from.container !== null && to.container !== null)
    throw new ContainerError('copying between containers is not supported')
  const options = {
    followLink: flags.followLink === true,
    owners: flags.archive === true,
  }
  const containers = await openContainers(flags)
  if (from.container !== null) {
    const container = containers.find(from.container)
    await out(containers, container, from.path, target, options)
  } else if (to.container !== null) {
    const container = containers.find(to.container)
    if (source === '-')
      await streamIn(containers, container, process.stdin, to.path, options)
    else await copyIn(containers, container, source, to.path, options)
  } else throw new ContainerError('one of the two paths is CONTAINER:PATH')
  if (flags.quiet !== true && target !== '-' && process.stderr.isTTY)
    printError(`copied ${source} to ${target}`)
  return 0
}

function out(
  containers: Containers,
  container: Container,
  source: string,
  target: string,
  options: CopyOptions,
): Promise<void> {
  if (target !== '-') return copyOut(containers, container, source, target, options)
  if (process.stdout.isTTY)
    throw new ContainerError('a tar is not for a terminal: write it to a file or a pipe')
  return streamOut(containers, container, source, options, toStandardOutput)
}

/** A path of the host's with a colon begins with / or a dot, as docker has it. */
function splitArgument(text: string): { container: string | null; path: string } {
  const [, container, path = ''] = /^([^/.:][^:]*):([^]*)$/.exec(text) ?? []
  if (text === '') throw new ContainerError('a path is empty')
  if (container === undefined) return { container: null, path: text }
  if (path === '') throw new ContainerError(`${text}: the path in the container is empty`)
  return { container, path }
}
