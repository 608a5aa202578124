// Runs one compiled test file as a process of its own and reads the TAP it prints. Whatever the
// file does, this comes back: past its limit the file and all it started are killed, serving
// processes first, because a caller of a mount that hangs cannot be killed before its server.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import * as path from 'node:path'
import { performance } from 'node:perf_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import { type FinalResults, Parser, type Result } from 'tap-parser'
import { MARK, endMarked } from '../processes/marked.js'
import type { Suite } from './suites.js'

export interface Failure {
  readonly name: string
  readonly detail: string
}

export interface FileResult {
  readonly file: string
  readonly passed: number
  readonly skips: readonly string[]
  readonly failures: readonly Failure[]
  readonly seconds: number
  /** The end of what the file wrote to stderr. */
  readonly stderr: string
}

/** How long the pipes may stay open, held by some child, after the test itself has ended. */
const DRAIN_MS = 2000
/** How long a killed test may take to go; longer only when it hangs in the kernel. */
const KILL_MS = 10_000
const STDERR_KEPT = 16_384

/** Runs `script`, the compiled form of `file`, under the rules of its suite. */
export async function runFile(
  file: string,
  script: string,
  suite: Suite,
  node: string,
): Promise<FileResult> {
  const started = performance.now()
  const tap = collect()
  const mark = `${process.pid}.${file}`
  const [command = node, ...args] = commandLine(script, suite, node)
  const child = spawn(command, args, {
    // A group of its own, to be killed as one.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    // A mount's launcher finds the same Node.js by PATH.
    env: {
      ...process.env,
      PATH: `${path.dirname(node)}:${process.env['PATH'] ?? ''}`,
      [MARK]: mark,
    },
  })
  let stderr = ''
  child.stdout.on('data', (bytes: Buffer) => tap.parser.write(bytes))
  child.stderr.on('data', (bytes: Buffer) => {
    stderr = (stderr + bytes.toString()).slice(-STDERR_KEPT)
  })
  const closed = once(child, 'close')
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>

  const outcome = await withLimit(ended, suite.limit * 1000)
  const left = await endMarked(mark, outcome === null ? 0 : DRAIN_MS)
  if (outcome === null) {
    kill(child.pid)
    if ((await withLimit(ended, KILL_MS)) === null) stderr += '\n(it cannot be killed)'
  }
  await withLimit(closed, DRAIN_MS)
  // A pipe that something still holds must not keep this process.
  child.stdout.destroy()
  child.stderr.destroy()
  child.unref()
  tap.parser.end()

  const failures = tap.failures()
  if (outcome === null) {
    failures.push({ name: 'ends in time', detail: `ended after ${suite.limit} s` })
  } else if (failures.length === 0 && outcome[0] !== 0) {
    failures.push({
      name: 'exit status',
      detail: `it was ${outcome[0] ?? outcome[1] ?? '?'}`,
    })
  } else if (left.length > 0) {
    failures.push({ name: 'leaves nothing running', detail: left.join('\n') })
  }
  const seconds = (performance.now() - started) / 1000
  return { file, passed: tap.passed(), skips: tap.skips, failures, seconds, stderr }
}

function commandLine(script: string, suite: Suite, node: string): string[] {
  const run = [node, '--enable-source-maps', script]
  const root = process.getuid?.() === 0
  if (!suite.mounts || !root) return run
  return ['unshare', '--mount', '--propagation', 'private', ...run]
}

function kill(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // The group is gone already.
  }
}

async function withLimit<T>(what: Promise<T>, milliseconds: number): Promise<T | null> {
  const limit = new AbortController()
  const late = delay(milliseconds, null, { signal: limit.signal }).catch(() => null)
  const first = await Promise.race([what, late])
  limit.abort()
  return first
}

/** Counts the leaves of a TAP stream: an assertion counts once, the subtest around it not. */
function collect() {
  const found: Failure[] = []
  const skips: string[] = []
  let passed = 0
  let final: FinalResults | undefined
  const parser = new Parser({}, results => {
    final = results
  })
  parser.on('pass', () => passed++)
  parser.on('fail', (result: Result) => {
    found.push({ name: result.fullname, detail: describe(result.diag) })
  })
  parser.on('skip', (result: Result) => {
    const reason = typeof result.skip === 'string' ? result.skip : ''
    skips.push(`${result.fullname} ${reason}`.trim())
  })
  parser.on('todo', (result: Result) => skips.push(`${result.fullname} (to do)`))
  return { parser, skips, passed: () => passed, failures: () => [...found, ...outside()] }

  // What is wrong with the stream itself: no test, a plan not met, a bail-out.
  function outside(): Failure[] {
    if (final === undefined) return [{ name: 'TAP', detail: 'the output did not end' }]
    if (found.length > 0) return []
    if (final.bailout !== false) {
      return [{ name: 'bail out', detail: String(final.bailout) }]
    }
    if (final.plan.skipAll && passed === 0) {
      const reason = final.plan.skipReason
      if (reason === '' || reason === 'no tests found')
        return [{ name: reason, detail: '' }]
      skips.push(`all of it: ${reason}`)
    }
    if (final.ok) return []
    return final.failures.map(failure => ({
      name: failure.tapError ?? 'TAP',
      detail: describe('diag' in failure ? (failure.diag as unknown) : failure),
    }))
  }
}

/** What a result's diagnostics say that its stack and its name do not. */
const REPEATED = new Set(['at', 'compare', 'test', 'tapCaught'])

function describe(diag: unknown): string {
  if (diag === null || diag === undefined) return ''
  if (typeof diag !== 'object') return JSON.stringify(diag)
  return Object.entries(diag)
    .filter(([key]) => !REPEATED.has(key))
    .map(([key, value]) => `${key}: ${readable(value)}`)
    .join('\n')
}

function readable(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value, null, 2)
  return value.includes('\n') ? `\n${value.replace(/^/gm, '  ').trimEnd()}` : value
}
