// The root filesystem of a container, served by a process of its own, which outlives the command that
// starts it.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import * as fs from 'node:fs'
import { createInterface } from 'node:readline'
import { nodePath } from '../image/store/store-place.js'
import { close } from '../sys/file.js'
import { pidOf, spawnWord } from './children.js'
import { ContainerError, COULD_NOT_START } from './container-error.js'
import type { Container, Containers } from './containers.js'
import type { RootServer, RootToServe } from './root-server.js'
import type { ServerReport } from './serve-root.js'

/** `plyfs container-serve`, with the lifeline as its descriptor 3. */
export const serveInProcess: RootServer = (containers, container, root) => {
  const server = startServer(containers, container, root)
  pidOf(server, 'the server of the root filesystem')
  const cleared = once(server, 'exit').then(() => undefined)
  const said: { complaint: string | null } = { complaint: null }
  const output = server.stdout ?? fail('the server has no output')
  const served = hear(createInterface({ input: output }), root, said).then(ready => {
    if (ready) return
    const see = `the server of the root filesystem ended: see ${container.file('serve.log')}`
    throw new ContainerError(said.complaint ?? see, COULD_NOT_START)
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
}

/** It has the lifeline, or nobody. */
function startServer(
  { store }: Containers,
  container: Container,
  { lifeline, verify }: RootToServe,
): ChildProcess {
  try {
    const log = fs.openSync(nodePath(container.file('serve.log')), 'w', 0o640)
    const script = process.argv[1] ?? ''
    const words = ['container-serve', spawnWord(store.place.root), container.id, verify]
    const server = spawn(process.execPath, [script, ...words], {
      cwd: '/',
      stdio: ['ignore', 'pipe', log, lifeline],
      detached: true,
      env: { ...process.env, PLYFS_ARGV0: 'plyfs' },
    })
    fs.closeSync(log)
    return server
  } finally {
    close(lifeline)
  }
}

/** Whether it came to be ready. */
async function hear(
  lines: AsyncIterable<string>,
  { onStage }: RootToServe,
  said: { complaint: string | null },
): Promise<boolean> {
  for await (const line of lines) {
    const report = JSON.parse(line) as ServerReport
    if (report.kind === 'ready') return true
    if (report.kind === 'stage') onStage(report.stage, report.us, report.bytes)
    else said.complaint = report.message
  }
  return false
}

function fail(message: string): never {
  throw new Error(message)
}
