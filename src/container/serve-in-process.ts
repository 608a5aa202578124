// The root filesystem of a container, served by a process of its own, which outlives the command that
// starts it.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { close } from '../sys/file.js'
import { ContainerError, COULD_NOT_START } from './container-error.js'
import type { Container, Containers } from './containers.js'
import type { RootServer, RootToServe } from './root-server.js'
import { endedEarly, type Said, spawnServer, untilServing } from './server-process.js'

/** `plyfs container-serve`, with the lifeline as its descriptor 3. It checks the layers itself. */
export const serveInProcess: RootServer = (containers, container, root) => {
  const said: Said = { complaint: null }
  const started = start(containers, container, root)
  const cleared = started.then(
    server => once(server, 'exit').then(() => undefined),
    () => undefined,
  )
  const served = started.then(async server => {
    const output = server.stdout ?? fail('the server has no output')
    if (!(await untilServing(output, said, root.onStage)))
      throw new ContainerError(endedEarly(container, said), COULD_NOT_START)
  })
  // Whoever starts the container may have failed before it waits for this.
  served.catch(() => undefined)
  return {
    // It waits for the bootfs.
    begun: Promise.resolve(),
    served,
    cleared,
    complaint: () => cleared.then(() => said.complaint),
    hasStarted: () => undefined,
    letGo: () => {
      void started.then(server => {
        server.stdout?.destroy()
        server.unref()
      })
    },
  }
}

/** The server has the lifeline then, or nobody. */
async function start(
  containers: Containers,
  container: Container,
  { lifeline, verify, bootfs }: RootToServe,
): Promise<ChildProcess> {
  try {
    await bootfs
    const words = ['container-serve', containers.store.place.root, container.id, verify]
    return spawnServer(container, words, 'ignore', lifeline)
  } finally {
    close(lifeline)
  }
}

function fail(message: string): never {
  throw new Error(message)
}
