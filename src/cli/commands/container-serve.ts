// The processes that serve a container's root: `container-serve STORE ID VERIFY`, started by `run` and
// its like with the lifeline to the monitor as descriptor 3; `container-hold STORE ID`, started by `cp`
// with the container's lock there. What they say is on their standard output, a line of JSON each.
import { writeSync } from 'node:fs'
import { Containers } from '../../container/containers.js'
import { holdRoot } from '../../container/hold-root.js'
import { type ServerReport, serveRoot } from '../../container/serve-root.js'
import { hasCode } from '../../image/store/replace-file.js'
import { Store } from '../../image/store/store.js'
import { dropResourceCapability } from '../../mount/drop-capability.js'
import type { MountPlan } from '../../mount/mount-plan.js'
import { raiseFileLimit } from '../../mount/serve.js'
import { Server } from '../../mount/server.js'

const LIFELINE = 3

/** Serves until the root is unmounted; the exit status. */
export async function serveContainer(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [what, folder = '', id = '', verify] = args
  raiseFileLimit()
  dropResourceCapability()
  const containers = new Containers(await Store.open({ root: folder }))
  const container = containers.open(id)
  if (container === null) {
    report({ kind: 'failed', message: `No such container: ${id}` })
    return 1
  }
  const service = { serverOf: (plan: MountPlan) => new Server(plan), report, env }
  if (what === 'container-hold')
    return (await holdRoot(containers, container, service)) ? 0 : 1
  const mode = verify === 'full' || verify === 'none' ? verify : 'quick'
  // Who starts it waits with that for the bootfs.
  const bootfs = Promise.resolve()
  const root = { lifeline: LIFELINE, verify: mode, check: null, bootfs } as const
  await serveRoot(containers, container, root, service)
  return 0
}

/** Whoever started the container may have gone. */
function report(what: ServerReport): void {
  try {
    writeSync(1, `${JSON.stringify(what)}\n`, null, 'latin1')
  } catch (error) {
    if (!hasCode(error, 'EPIPE')) throw error
  }
}
