// A container's log, as the monitor writes it (native-helpers/monitor_log.c): lines of time,
// stream, F or P, and bytes.
import * as fs from 'node:fs'
import { nodePath } from '../image/store/store-place.js'
import type { Container } from './containers.js'

export interface LogLine {
  /** RFC 3339 with nanoseconds. */
  readonly time: string
  readonly stream: 'stdout' | 'stderr'
  /** Bytes, with the newline where the line was whole. */
  readonly text: string
}

/** What is wanted of a log. */
export interface LogRange {
  /** So many of the last lines; null for all. */
  readonly tail: number | null
  /** Milliseconds since 1970; null for no limit. */
  readonly since: number | null
  readonly until: number | null
}

const PIECE = 65_536

/** Reads on where it stopped; a line that is not whole yet is left for the next time. */
export class LogReader {
  private readonly path: Buffer
  private position = 0
  private rest = ''

  constructor(container: Container) {
    this.path = nodePath(container.file('log'))
  }

  /** The lines that came since the last call. */
  read(): LogLine[] {
    if (!fs.existsSync(this.path)) return []
    const fd = fs.openSync(this.path, 'r')
    try {
      return this.parse(this.rest + this.newBytes(fd))
    } finally {
      fs.closeSync(fd)
    }
  }

  private newBytes(fd: number): string {
    const pieces: string[] = []
    const piece = Buffer.alloc(PIECE)
    for (;;) {
      const read = fs.readSync(fd, piece, 0, PIECE, this.position)
      if (read === 0) return pieces.join('')
      pieces.push(piece.latin1Slice(0, read))
      this.position += read
    }
  }

  private parse(text: string): LogLine[] {
    const lines = text.split('\n')
    this.rest = lines.pop() ?? ''
    return lines.flatMap(line => {
      const [, time, stream, kind, bytes = ''] =
        /^(\S+) (stdout|stderr) ([FP]) ([^]*)$/.exec(line) ?? []
      if (time === undefined) return []
      return {
        time,
        stream: stream === 'stderr' ? 'stderr' : 'stdout',
        text: kind === 'F' ? `${bytes}\n` : bytes,
      }
    })
  }
}

/** The lines of a range. Pure. */
export function linesIn(lines: readonly LogLine[], range: LogRange): LogLine[] {
  const { since, until, tail } = range
  const timely = lines.filter(({ time }) => {
    const at = Date.parse(time)
    return (since === null || at >= since) && (until === null || at < until)
  })
  return tail === null ? timely : tail === 0 ? [] : lastLines(timely, tail)
}

/** Parts of one line count as one. */
function lastLines(lines: readonly LogLine[], count: number): LogLine[] {
  let left = count
  let from = lines.length
  while (from > 0) {
    const before = lines[from - 1]
    if (before?.text.endsWith('\n') === true && from < lines.length) left -= 1
    if (left === 0) break
    from -= 1
  }
  return lines.slice(from)
}

/** Calls back whenever the log grows; returns how that is ended. */
export function watchLog(container: Container, changed: () => void): () => void {
  const watcher = fs.watch(nodePath(container.file('log')), changed)
  return () => {
    watcher.close()
  }
}
