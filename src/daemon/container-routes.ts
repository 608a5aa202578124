// /v1/containers: the containers of the store, and starting and stopping them.
import { textOfAnswer } from '../bytes/bytes-text.js'
import { ContainerError } from '../container/container-error.js'
import { type Container, Containers } from '../container/containers.js'
import { stopContainer } from '../container/control.js'
import { settleAll } from '../container/settle.js'
import { startContainer } from '../container/start.js'
import { holdContainer, stateOf } from '../container/state.js'
import type { Store } from '../image/store/store.js'
import { log } from '../log/log.js'
import { ApiError } from './api-error.js'
import type { ApiAnswer, ApiRequest } from './http-server.js'
import { objectOf, wordField } from './request-fields.js'
import type { Roots } from './roots.js'

/** Milliseconds for others who change a container. */
const PATIENCE = 10_000

/** @param rest the path behind /v1/containers, its parts. */
export async function routeContainers(
  store: Store,
  roots: Roots,
  rest: readonly string[],
  { method, body }: ApiRequest,
): Promise<ApiAnswer | null> {
  const [name, what, ...others] = rest
  if (others.length > 0) return null
  const containers = new Containers(store)
  for (const { message } of await settleAll(containers)) log.warn(message)
  if (name === undefined)
    return method === 'GET'
      ? { status: 200, json: containers.list().map(one => shown(roots, one)) }
      : null
  const container = containers.find(name)
  if (what === undefined)
    return method === 'GET' ? { status: 200, json: shown(roots, container) } : null
  if (method !== 'POST') return null
  if (what === 'start') await start(containers, container, roots, body)
  else if (what === 'stop') await stop(containers, container, roots, body)
  else return null
  return { status: 200, json: shown(roots, containers.find(container.id)) }
}

async function start(
  containers: Containers,
  container: Container,
  roots: Roots,
  body: Buffer,
): Promise<void> {
  const verify = wordField(objectOf(body, ['verify']), 'verify', [
    'quick',
    'full',
    'none',
  ])
  if (stateOf(container).kind === 'running') return
  const lock = await holdContainer(container, PATIENCE)
  if (lock === 'gone') throw new ContainerError(`No such container: ${container.id}`)
  if (lock === null) throw new ContainerError(`${container.record.name} is being started`)
  const rootServer = roots.serve
  const started = await startContainer(containers, container, lock, {
    verify,
    rootServer,
  })
  started.letGo()
}

async function stop(
  containers: Containers,
  container: Container,
  roots: Roots,
  body: Buffer,
): Promise<void> {
  const seconds = objectOf(body, ['seconds'])['seconds'] ?? 10
  if (typeof seconds !== 'number' || !Number.isInteger(seconds))
    throw new ApiError(400, 'invalid', 'seconds is not a whole number')
  await stopContainer(containers, container, seconds)
  await roots.untilCleared(container.id)
}

function shown(roots: Roots, container: Container): unknown {
  const { id, name, created, image, imageName } = container.record
  const state = stateOf(container)
  const isServedHere = roots.has(id)
  return textOfAnswer({ id, name, created, image, imageName, state, isServedHere })
}
