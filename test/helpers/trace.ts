// A log of the calls a test made, in strace's form, shown when it fails: the failing input. It
// keeps the last calls only, and never takes part in a decision.
import { inspect } from 'node:util'
import { errnoName } from '../../src/errno/errno.js'

const KEPT = 60
/** Formatted only when somebody asks: most traces are thrown away. */
type Line = string | { call: string; args: readonly unknown[]; result: number }

let lines: Line[] = []
let prefix = ''

/** Forgets what was recorded; paths below `directory` are shown relative to it from now on. */
export function startTrace(directory: string): void {
  lines = []
  prefix = directory === '' ? '' : `${directory}/`
}

/** The last calls, oldest first. */
export function traced(): string[] {
  const texts = lines.map(line => (typeof line === 'string' ? line : format(line)))
  return collapse(texts).slice(-KEPT)
}

/** Runs of the same line are shown once, with their count. */
function collapse(texts: readonly string[]): string[] {
  const shown: string[] = []
  let repeated = 1
  texts.forEach((text, i) => {
    repeated = text === texts[i - 1] ? repeated + 1 : 1
    if (repeated > 1) shown.pop()
    shown.push(repeated > 1 ? `${text} (${repeated} times)` : text)
  })
  return shown
}

/** Adds a remark of the test's own. */
export function note(text: string): void {
  add(`# ${text}`)
}

/** Adds one call with its result (>= 0) or -errno. */
export function record(call: string, args: readonly unknown[], result: number): void {
  add({ call, args, result })
}

function add(line: Line): void {
  lines.push(line)
  if (lines.length > 4 * KEPT) lines = lines.slice(-KEPT)
}

function format({ call, args, result }: Exclude<Line, string>): string {
  const value = result < 0 ? `-1 ${errnoName(result)}` : String(result)
  return `${call}(${args.map(show).join(', ')}) = ${value}`
}

function show(argument: unknown): string {
  if (typeof argument === 'string') return quote(argument)
  if (argument instanceof Uint8Array) {
    const start = Buffer.from(argument.subarray(0, 24)).toString('latin1')
    return `${quote(start)}${argument.length > 24 ? `...(${argument.length})` : ''}`
  }
  return inspect(argument, { breakLength: Infinity, depth: 2 })
}

function quote(text: string): string {
  const short =
    prefix !== '' && text.startsWith(prefix) ? text.slice(prefix.length) : text
  const cut = short.length > 120 ? `${short.slice(0, 60)}...(${short.length})` : short
  return JSON.stringify(cut).replace(
    /[\u007f-\u00ff]/g,
    c => `\\x${c.charCodeAt(0).toString(16)}`,
  )
}
