// A process that serves a container's root, from the side of who starts it: how it is called, and what
// it says.
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process'
import * as fs from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { nodePath } from '../image/store/store-place.js'
import { pidOf, spawnWord, spawnWords } from './children.js'
import type { Container } from './containers.js'
import type { ServerReport } from './serve-root.js'

/**
 * Starts one in the container's folder; what it logs is in serve.log.
 * @param words of its command line, bytes.
 * @param input what it has as standard input. @param given its descriptor 3.
 * @throws ContainerError when it cannot be started.
 */
export function spawnServer(
  container: Container,
  words: readonly string[],
  input: 'ignore' | 'pipe',
  given: number,
): ChildProcess {
  const log = fs.openSync(nodePath(container.file('serve.log')), 'w', 0o640)
  const stdio: StdioOptions = [input, 'pipe', log, given]
  const script = process.argv[1] ?? ''
  const server = spawn(process.execPath, [script, ...spawnWords(words)], {
    cwd: spawnWord(container.folder),
    stdio,
    detached: true,
    env: { ...process.env, PLYFS_ARGV0: 'plyfs' },
  })
  fs.closeSync(log)
  pidOf(server, 'the server of the root filesystem')
  return server
}

export interface Said {
  /** Why it gave up; null where it did not say. */
  complaint: string | null
}

/** Whether it came to be ready; what it says goes to `said` and `onStage`. */
export async function untilServing(
  output: Readable,
  said: Said,
  onStage: (stage: string, us: number, bytes: number) => void,
): Promise<boolean> {
  for await (const line of createInterface({ input: output })) {
    const report = JSON.parse(line) as ServerReport
    if (report.kind === 'ready') return true
    if (report.kind === 'stage') onStage(report.stage, report.us, report.bytes)
    else said.complaint = report.message
  }
  return false
}

/** What to tell of one that ended before it was ready. */
export function endedEarly(container: Container, { complaint }: Said): string {
  return (
    complaint ??
    `the server of the root filesystem ended: see ${container.file('serve.log')}`
  )
}
