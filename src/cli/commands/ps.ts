// `plyfs ps`: the containers, as docker lists them.
import { ContainerError } from '../../container/container-error.js'
import type { Container, Containers } from '../../container/containers.js'
import { type ContainerState, stateOf } from '../../container/state.js'
import { ImageError } from '../../image/model/errors.js'
import { ago } from '../ago.js'
import { textOfBytes } from '../../bytes/bytes-text.js'
import { type Column, type ListFlags, type ListRow, renderList } from '../list-output.js'
import { asBytes, printLine } from '../output.js'
import { openContainers } from './lifecycle.js'
import type { StoreFlags } from './store-session.js'

export interface PsFlags extends StoreFlags, ListFlags {
  readonly all?: boolean
  readonly quiet?: boolean
  readonly filter?: readonly string[]
  readonly last?: string
  readonly latest?: boolean
  /** `--no-trunc` makes it false. */
  readonly trunc?: boolean
}

interface Shown {
  readonly container: Container
  readonly state: ContainerState
}

const COLUMNS: readonly Column[] = [
  ['CONTAINER ID', 'ID'],
  ['IMAGE', 'Image'],
  ['COMMAND', 'Command'],
  ['CREATED', 'RunningFor'],
  ['STATUS', 'Status'],
  ['NAMES', 'Names'],
]

/** Prints those that run, or all; 0. */
export async function ps(flags: PsFlags): Promise<number> {
  const containers = await openContainers(flags)
  const filters = (flags.filter ?? []).map(text => filterOf(containers, text))
  const last =
    flags.latest === true ? 1 : flags.last === undefined ? null : Number(flags.last)
  const byStatus = (flags.filter ?? []).some(text => /^(status|exited)=/.test(text))
  const all = flags.all === true || last !== null || byStatus
  const shown = containers
    .list()
    .map(container => ({ container, state: stateOf(container) }))
    .filter(one => all || one.state.kind === 'running' || one.state.kind === 'paused')
    .filter(one => matches(one, filters))
    .slice(0, last ?? undefined)
  const whole = flags.trunc === false
  const text =
    flags.quiet === true
      ? shown.map(({ container: { id } }) => (whole ? id : id.slice(0, 12))).join('\n')
      : renderList(
          shown.map(one => rowOf(one, whole)),
          COLUMNS,
          flags,
        )
  if (text !== '') printLine(asBytes(text))
  return 0
}

function rowOf({ container: { id, record }, state }: Shown, whole: boolean): ListRow {
  const { process: what, labels } = record
  const command = [...what.entrypoint, ...what.command].map(textOfBytes).join(' ')
  const cut = !whole && command.length > 20 ? `${command.slice(0, 19)}…` : command
  return {
    ID: whole ? id : id.slice(0, 12),
    Image: textOfBytes(record.imageName),
    Command: `"${cut}"`,
    CreatedAt: record.created,
    RunningFor: ago(record.created),
    Status: statusText(state),
    State: stateWord(state),
    Names: record.name,
    Labels: Object.entries(labels)
      .map(([key, value]) => textOfBytes(`${key}=${value}`))
      .join(','),
    Mounts: record.mounts.map(({ target }) => textOfBytes(target)).join(','),
    Networks: record.network,
    Ports: '',
  }
}

/** docker's word for a state. */
export function stateWord(state: ContainerState): string {
  if (state.kind === 'starting') return 'created'
  return state.kind
}

function statusText(state: ContainerState): string {
  const since = (time: string): string => ago(time).replace(/ ago$/, '')
  switch (state.kind) {
    case 'created':
    case 'starting':
      return 'Created'
    case 'running':
      return `Up ${since(state.startedAt)}`
    case 'paused':
      return `Up ${since(state.startedAt)} (Paused)`
    case 'exited':
      return `Exited (${state.code}) ${ago(state.finishedAt)}`
    case 'dead':
      return 'Dead'
  }
}

interface Filter {
  readonly key: string
  readonly test: (one: Shown) => boolean
}

/** Those of one key are alternatives, but for labels. */
function matches(one: Shown, filters: readonly Filter[]): boolean {
  const keys = new Set(filters.map(({ key }) => key))
  return [...keys].every(key => {
    const own = filters.filter(filter => filter.key === key)
    return key === 'label'
      ? own.every(({ test }) => test(one))
      : own.some(({ test }) => test(one))
  })
}

function filterOf(containers: Containers, text: string): Filter {
  const equals = text.indexOf('=')
  const [key, value] = [text.slice(0, equals), text.slice(equals + 1)]
  const test = testOf(containers, key, value)
  if (test !== null) return { key, test }
  throw new ContainerError(
    `--filter ${text}: write id=, name=, label=, status=, exited=, ancestor= or volume=`,
  )
}

function testOf(
  containers: Containers,
  key: string,
  value: string,
): Filter['test'] | null {
  switch (key) {
    case 'id':
      return ({ container }) => container.id.startsWith(value)
    case 'name':
      return ({ container }) => container.record.name.includes(value)
    case 'label':
      return ({ container }) => hasLabel(container.record.labels, value)
    case 'status':
      return ({ state }) => stateWord(state) === value
    case 'exited':
      return ({ state }) => state.kind === 'exited' && state.code === Number(value)
    case 'volume':
      return ({ container }) =>
        container.record.mounts.some(
          mount =>
            mount.target === value || (mount.type === 'volume' && mount.name === value),
        )
    case 'ancestor': {
      const image = imageOf(containers, value)
      return ({ container }) => container.record.image === image
    }
    default:
      return null
  }
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const equals = wanted.indexOf('=')
  if (equals < 0) return Object.hasOwn(labels, wanted)
  return labels[wanted.slice(0, equals)] === wanted.slice(equals + 1)
}

function imageOf({ store }: Containers, name: string): string | null {
  try {
    return store.resolve(name).id
  } catch (error) {
    if (error instanceof ImageError) return null
    throw error
  }
}
