// The process that serves a container's root: `container-serve STORE ID VERIFY`, started by `run`
// and its like with the lifeline to the monitor as descriptor 3.
import { Containers } from '../../container/containers.js'
import { serveRoot } from '../../container/serve-root.js'
import { Store } from '../../image/store/store.js'

const LIFELINE = 3

/** Serves until the root is unmounted; the exit status. */
export async function serveContainer(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const [root = '', id = '', verify] = args
  const containers = new Containers(await Store.open({ root }))
  const mode = verify === 'full' || verify === 'none' ? verify : 'quick'
  return serveRoot(containers, id, LIFELINE, mode, env)
}
