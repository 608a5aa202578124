// The root filesystem of a container, served by a process of its own, which outlives the command that
// starts it.
import { once } from 'node:events'
import { close } from '../sys/file.js'
import { ContainerError, COULD_NOT_START } from './container-error.js'
import type { RootServer } from './root-server.js'
import { endedEarly, type Said, spawnServer, untilServing } from './server-process.js'

/** `plyfs container-serve`, with the lifeline as its descriptor 3. */
export const serveInProcess: RootServer = (containers, container, root) => {
  const { lifeline, verify, onStage } = root
  const words = ['container-serve', containers.store.place.root, container.id, verify]
  const server = startAndClose(() => spawnServer(container, words, 'ignore', lifeline))
  const cleared = once(server, 'exit').then(() => undefined)
  const said: Said = { complaint: null }
  const output = server.stdout ?? fail('the server has no output')
  const served = untilServing(output, said, onStage).then(ready => {
    if (!ready) throw new ContainerError(endedEarly(container, said), COULD_NOT_START)
  })
  // Whoever starts the container may have failed before it waits for this.
  served.catch(() => undefined)
  return {
    served,
    cleared,
    complaint: () => cleared.then(() => said.complaint),
    letGo: () => {
      output.destroy()
      server.unref()
    },
  }

  /** It has the lifeline, or nobody. */
  function startAndClose<Started>(start: () => Started): Started {
    try {
      return start()
    } finally {
      close(lifeline)
    }
  }
}

function fail(message: string): never {
  throw new Error(message)
}
