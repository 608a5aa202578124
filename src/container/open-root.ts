// A container's root, for whoever reads or writes files in it: of one that runs as its processes see
// it, of another mounted for that time.
import { once } from 'node:events'
import { FsError } from '../errno/fs-error.js'
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../sys/constants.js'
import { close, openat2 } from '../sys/file.js'
import { ContainerError } from './container-error.js'
import type { Container, Containers } from './containers.js'
import { openMountedRoot } from './mounted-root.js'
import { endedEarly, type Said, spawnServer, untilServing } from './server-process.js'
import { changeContainer, stateOf } from './state.js'

/** Milliseconds for another who changes the container. */
const PATIENCE = 10_000

/**
 * Hands a descriptor (O_PATH) of the root directory to `work`; all of it ends with it. One that does
 * not run cannot be started meanwhile.
 * @throws ContainerError, FsError, and what `work` throws.
 */
export async function withRoot<Result>(
  containers: Containers,
  container: Container,
  work: (root: number) => Promise<Result>,
): Promise<Result> {
  const state = stateOf(container)
  if (state.kind === 'running' || state.kind === 'paused')
    return withDescriptor(rootOfProcess(state.pid), work)
  const lock = await changeContainer(container, PATIENCE)
  if (lock === 'gone') throw new ContainerError(`No such container: ${container.id}`)
  if (lock === null)
    throw new ContainerError(
      `the container ${container.record.name} is being started, or copied from or to`,
    )
  try {
    return await withHeldRoot(containers, container, lock.descriptor, work)
  } finally {
    lock.release()
  }
}

/** @param lock goes to the server, which may outlive us for a moment. */
async function withHeldRoot<Result>(
  { store }: Containers,
  container: Container,
  lock: number,
  work: (root: number) => Promise<Result>,
): Promise<Result> {
  const words = ['container-hold', store.place.root, container.id]
  const server = spawnServer(container, words, 'pipe', lock)
  const ended = once(server, 'exit')
  const said: Said = { complaint: null }
  try {
    if (server.stdout === null) throw new Error('the server has no output')
    if (!(await untilServing(server.stdout, said, () => undefined)))
      throw new ContainerError(endedEarly(container, said))
    return await withDescriptor(openMountedRoot(server.pid ?? 0), work)
  } finally {
    server.stdin?.end()
    const [code] = (await ended) as [number | null]
    mustEndWell(container, said, code)
  }
}

/** Else what was written may not be on the disk. */
function mustEndWell(container: Container, said: Said, code: number | null): void {
  if (code !== 0) throw new ContainerError(endedEarly(container, said))
}

function rootOfProcess(pid: number): number {
  const path = `/proc/${pid}/root`
  const root = openat2(AT_FDCWD, path, O_PATH | O_DIRECTORY, 0, 0)
  if (root < 0) throw new FsError(root, 'open', path)
  return root
}

async function withDescriptor<Result>(
  root: number,
  work: (root: number) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(root)
  } finally {
    close(root)
  }
}
