// Progress for people, on standard error: bars that are drawn over on a terminal, one line for each
// piece of work that ended otherwise. Standard output is never touched: it is the answer.
import type { Progress, ProgressTask } from '../image/progress.js'
import { formatBytes } from './bytes-size.js'
import { asBytes, printError } from './output.js'
import { standardError } from './standard-streams.js'

export interface ShownProgress extends Progress {
  /** Draws what is left for the last time; nothing is drawn after. */
  close(): void
}

/** Milliseconds between two drawings. */
const PACE = 100
const BAR = 24

/** Bars or lines, by what standard error is; nothing but notes when `quiet`. */
export function showProgress(quiet: boolean): ShownProgress {
  const note = (line: string): void => printError(asBytes(line))
  if (quiet) return { task: () => unseen, note, close: () => undefined }
  return process.stderr.isTTY && process.env['TERM'] !== 'dumb'
    ? new Bars(standardError())
    : { task: plainTask, note, close: () => undefined }
}

const unseen: ProgressTask = { advance: () => undefined, done: () => undefined }

function plainTask(name: string, total?: number): ProgressTask {
  let bytes = 0
  return {
    advance: more => {
      bytes += more
    },
    done: text => {
      printError(asBytes(`${name}: ${text ?? `done, ${formatBytes(total ?? bytes)}`}`))
    },
  }
}

/** A terminal, and how large it is. */
export interface Screen extends NodeJS.WritableStream {
  readonly columns: number
  readonly rows: number
}

interface Bar {
  readonly name: string
  readonly total: number | undefined
  bytes: number
}

/** Lines of running work at the bottom, what has ended above them. */
export class Bars implements ShownProgress {
  private readonly out: Screen
  private readonly running = new Set<Bar>()
  private readonly timer: NodeJS.Timeout
  /** Lines of the last drawing, which the next one replaces. */
  private drawn = 0

  constructor(out: Screen) {
    this.out = out
    this.timer = setInterval(() => this.draw([]), PACE).unref()
  }

  task(name: string, total?: number): ProgressTask {
    const bar: Bar = { name, total, bytes: 0 }
    this.running.add(bar)
    return {
      advance: bytes => {
        bar.bytes += bytes
      },
      done: text => {
        if (!this.running.delete(bar)) return
        this.draw([`${name}: ${text ?? `done, ${formatBytes(total ?? bar.bytes)}`}`])
      },
    }
  }

  note(line: string): void {
    this.draw([line])
  }

  close(): void {
    clearInterval(this.timer)
    this.running.clear()
    this.draw([])
  }

  /** The last drawing goes, finished lines take its place, the bars follow. */
  private draw(finished: readonly string[]): void {
    const { columns } = this.out
    const room = Math.max(1, this.out.rows - 1)
    const bars = [...this.running].slice(0, room).map(bar => barLine(bar, columns))
    if (finished.length === 0 && bars.length === 0 && this.drawn === 0) return
    const back = this.drawn === 0 ? '' : `\x1b[${this.drawn}A`
    const lines = [...finished, ...bars].map(line => `${line}\n`)
    this.out.write(`\r${back}\x1b[J${lines.join('')}`)
    this.drawn = bars.length
  }
}

function barLine({ name, total, bytes }: Bar, columns: number): string {
  const done = formatBytes(bytes)
  if (total === undefined || total === 0)
    return `${name}: ${done}`.slice(0, Math.max(1, columns - 1))
  const part = Math.max(0, Math.min(1, bytes / total))
  const full = Math.round(part * BAR)
  const bar = '='.repeat(full) + ' '.repeat(BAR - full)
  const line = `${name} [${bar}] ${done} of ${formatBytes(total)}`
  return line.slice(0, Math.max(1, columns - 1))
}
