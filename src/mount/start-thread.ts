// Starts a serving thread, and loads nothing else: it takes as long as all the rest of a mount, so it
// is begun before that.
import { Worker } from 'node:worker_threads'

/** A thread that waits for its plan. */
export function startThread(): Worker {
  return new Worker(threadFile(), { stdout: false, stderr: false })
}

/** The bundle's serving thread lies beside it as serve.js; among the sources it has its own name. */
function threadFile(): URL {
  const bundled = !import.meta.url.includes('/mount/start-thread.')
  return new URL(bundled ? './serve.js' : './serve-thread.js', import.meta.url)
}
