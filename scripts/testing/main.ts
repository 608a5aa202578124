// scripts/test's second half: finds the test files, runs each under the limits of its suite,
// and tells what happened, one line a file. The counts are left in a file for the caller.
import * as fs from 'node:fs'
import * as path from 'node:path'
import { parseArgs } from 'node:util'
import { type FileResult, runFile } from './run-file.js'
import { type Need, type Suite, onEveryNode, onlyWaits, suites } from './suites.js'

interface Counts {
  passed: number
  failed: number
  skipped: number
}

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    only: { type: 'string' },
    /** Another version of Node.js for the files of `onEveryNode`: its name and program. */
    also: { type: 'string', multiple: true, default: [] },
    /** Where to leave the counts, as JSON. */
    counts: { type: 'string' },
    /** What was counted before the first test file. */
    passed: { type: 'string', default: '0' },
    failed: { type: 'string', multiple: true, default: [] },
    /** A suite that the machine cannot run is a failure, not a skip. */
    strict: { type: 'boolean', default: false },
  },
})

/** Files side by side. Each has namespaces, disk images and ports of its own. */
const LANES = 2

type Waiting = [file: string, suite: Suite][]

const color = process.stdout.isTTY && process.env['NO_COLOR'] === undefined
const paint = (code: number, text: string) =>
  color ? `\x1b[${code}m${text}\x1b[0m` : text

const broken = [...options.failed]
const counts: Counts = {
  passed: Number(options.passed),
  failed: broken.length,
  skipped: 0,
}
let ran = 0

await runAll(() => true, { program: process.execPath, label: '' })
for (const text of options.also) {
  const [label = '', program = ''] = text.split('=')
  await runAll(onEveryNode, { program, label })
}
finish()

interface NodeVersion {
  readonly program: string
  /** Empty for the one that runs this. */
  readonly label: string
}

async function runAll(
  wanted: (file: string) => boolean,
  version: NodeVersion,
): Promise<void> {
  const waiting: Waiting = []
  const beside: Waiting = []
  for (const suite of chosen()) {
    const files = filesOf(suite).filter(wanted)
    if (files.length === 0) continue
    const lacking = suite.needs.map(missing).find(reason => reason !== null)
    if (lacking !== undefined) refuse(suite, files, lacking)
    else
      for (const file of files) (onlyWaits(file) ? beside : waiting).push([file, suite])
  }
  const lanes = [beside, ...Array.from({ length: LANES }, () => waiting)]
  await Promise.all(lanes.map(lane))

  async function lane(from: Waiting): Promise<void> {
    for (let next = from.shift(); next !== undefined; next = from.shift()) {
      const [file, suite] = next
      const script = path.join('.build', file.replace(/\.ts$/, '.js'))
      report(await runFile(file, script, suite, version.program), version)
    }
  }
}

/** The suites named by --only, or those that hold the files named; else all. */
function chosen(): readonly Suite[] {
  const names = options.only?.split(',')
  const unknown = names?.find(name => !suites.some(suite => suite.name === name))
  if (unknown !== undefined) {
    const known = suites.map(suite => suite.name).join(', ')
    console.error(`test: no suite is named ${unknown} (there are ${known})`)
    process.exit(2)
  }
  return suites.filter(suite => names?.includes(suite.name) ?? true)
}

function filesOf(suite: Suite): string[] {
  const folder = path.join('test', suite.folder)
  if (!fs.existsSync(folder)) return []
  const named = positionals.map(name => path.normalize(name))
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => path.join(folder, name))
    .filter(file => file.endsWith('.test.ts'))
    .filter(file => named.length === 0 || named.some(name => within(file, name)))
    .sort()
}

function within(file: string, name: string): boolean {
  return file === name || file.startsWith(`${name}/`)
}

function missing(need: Need): string | null {
  if (need === 'root' && process.getuid?.() !== 0) return 'not root'
  if (need === 'fuse' && !fs.existsSync('/dev/fuse')) return '/dev/fuse is missing'
  return null
}

function refuse(suite: Suite, files: readonly string[], reason: string): void {
  const told = `test/${suite.folder}: ${files.length} files not run: ${reason}`
  if (options.strict) {
    counts.failed += files.length
    broken.push(told)
    console.log(`${paint(31, 'not ok')}  ${told}`)
  } else {
    counts.skipped += files.length
    console.log(`${paint(33, 'skip')}    ${told}`)
  }
}

function report(result: FileResult, version: NodeVersion): void {
  const { file, passed, failures, skips } = result
  ran++
  counts.passed += passed
  counts.failed += failures.length
  counts.skipped += skips.length
  const ok = failures.length === 0
  const label = version.label === '' ? file : `${file} (${version.label})`
  if (!ok) broken.push(label)
  const figures = [`${passed} passed`]
  if (!ok) figures.push(`${failures.length} failed`)
  if (skips.length > 0) figures.push(`${skips.length} skipped`)
  const mark = ok ? paint(32, 'ok    ') : paint(31, 'not ok')
  console.log(`${mark}  ${label}  ${figures.join(', ')}, ${result.seconds.toFixed(1)} s`)
  for (const skip of skips) console.log(indent(`skip: ${skip}`))
  for (const failure of failures) {
    console.log(indent(`${paint(31, 'failed')}: ${failure.name}`))
    if (failure.detail !== '') console.log(indent(indent(failure.detail)))
  }
  if (!ok && result.stderr.trim() !== '') {
    console.log(indent('stderr:'))
    console.log(indent(indent(result.stderr.trimEnd())))
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ')
}

function finish(): void {
  const { passed, failed, skipped } = counts
  if (options.counts !== undefined) {
    fs.writeFileSync(options.counts, JSON.stringify({ passed, failed, skipped, broken }))
  }
  console.log('')
  for (const name of broken) console.log(`${paint(31, 'not ok')}  ${name}`)
  if (ran === 0) console.log('No test file was run.')
  const rest = skipped > 0 ? `, ${skipped} skipped` : ''
  console.log(`${passed} passed, ${failed} failed${rest}`)
  process.exit(failed > 0 || ran === 0 ? 1 : 0)
}
