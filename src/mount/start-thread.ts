// Starts a serving thread, and loads nothing else: it takes as long as all the rest of a mount, so it
// is begun before that.
import { createRequire } from 'node:module'
import { Worker } from 'node:worker_threads'

let hasSpares = false

/** A thread that waits for its plan. */
export function startThread(): Worker {
  if (hasSpares) v8().setFlagsFromString('--lazy')
  return new Worker(threadFile(), { stdout: false, stderr: false })
}

/**
 * The same for a mount that nobody asks for yet: all code is compiled before, not at its first use.
 * The thread needs longer until it waits, and half as long for the requests of a short life.
 */
export function startSpareThread(): Worker {
  hasSpares = true
  // Flags are the whole process's; a thread reads them when it loads its code.
  v8().setFlagsFromString('--no-lazy')
  return new Worker(threadFile(), { stdout: false, stderr: false })
}

/** Loaded for a daemon alone: every call of the command would begin a millisecond later. */
function v8(): typeof import('node:v8') {
  const load = createRequire(import.meta.url)
  return load('node:v8') as typeof import('node:v8')
}

/** The bundle's serving thread lies beside it as serve.js; among the sources it has its own name. */
function threadFile(): URL {
  const bundled = !import.meta.url.includes('/mount/start-thread.')
  return new URL(bundled ? './serve.js' : './serve-thread.js', import.meta.url)
}
