// Which thread answers the kernel: a serving thread that has been started already, or, for a mount through
// fuse-native, the main one.
import type { Worker } from 'node:worker_threads'
import { type Serve, serveOn } from '../../mount/serve.js'

/**
 * What serves a plan by the transport that it asks for.
 * @param thread waits for its plan.
 */
export function serveByTransport(thread: Worker): Serve {
  return async (plan, checks) => {
    if (plan.transport === 'device') return serveOn(thread)(plan, checks)
    await thread.terminate()
    const { serveByFuseNative } = await import('../../mount/serve-fuse-native.js')
    return serveByFuseNative(plan, checks)
  }
}
