// Runs a storm on a mount: prepares nothing, starts the processes at once, checks what they left.
import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Report } from './actor.js'
import type { Storm } from './plays.js'

export interface StormResult {
  readonly steps: number
  readonly findings: readonly string[]
}

/** `root` is the storm's directory on the mount; the check is made by a process of its own. */
export async function runStorm(
  storm: Storm,
  root: string,
  processes: number,
  milliseconds: number,
  seed: number,
): Promise<StormResult> {
  const program = fileURLToPath(new URL('process.js', import.meta.url))
  const each = Array.from({ length: processes }, (_, number) =>
    output([
      program,
      storm.name,
      root,
      ...[number, processes, milliseconds, seed].map(String),
    ]),
  )
  const reports = (await Promise.all(each)).map(readReport)
  const checker = fileURLToPath(new URL('check.js', import.meta.url))
  const left = JSON.parse(
    await output([checker, storm.name, root], JSON.stringify(reports)),
  ) as string[]
  return {
    steps: reports.reduce((sum, report) => sum + report.steps, 0),
    findings: [
      ...reports.flatMap(({ wrong }, number) =>
        wrong.map(what => `process ${number}: ${what}`),
      ),
      ...left,
    ],
  }
}

function readReport(json: string): Report {
  if (json === '') return { steps: 0, wrong: ['it died'], account: [] }
  return JSON.parse(json) as Report
}

function output(args: readonly string[], input = ''): Promise<string> {
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.end(input)
  return text(child.stdout)
}
