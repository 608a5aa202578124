// `plyfs logs`: what a container wrote, and writes.
import { ContainerError } from '../../container/container-error.js'
import type { Container } from '../../container/containers.js'
import { exitOf } from '../../container/control.js'
import { connectMonitor } from '../../container/monitor-client.js'
import { linesIn, type LogLine, LogReader, watchLog } from '../../container/read-log.js'
import { openContainers } from './lifecycle.js'
import type { StoreFlags } from './store-session.js'

export interface LogsFlags extends StoreFlags {
  readonly follow?: boolean
  readonly tail?: string
  readonly since?: string
  readonly until?: string
  readonly timestamps?: boolean
}

/** 0, at the container's end with -f. */
export async function logs(name: string, flags: LogsFlags): Promise<number> {
  const range = {
    tail: tailOf(flags.tail),
    since: timeOf('--since', flags.since),
    until: timeOf('--until', flags.until),
  }
  const container = (await openContainers(flags)).find(name)
  const print = printer(flags.timestamps === true)
  const reader = new LogReader(container)
  print(linesIn(reader.read(), range))
  if (flags.follow === true)
    await follow(container, () => print(linesIn(reader.read(), { ...range, tail: null })))
  return 0
}

async function follow(container: Container, read: () => void): Promise<void> {
  const client = await connectMonitor(container)
  if (client === null) return
  const ended = exitOf(client)
  const stop = watchLog(container, read)
  read()
  await ended
  stop()
  // The last lines are in the log before the end is told.
  read()
}

/** A time stands before each line, not before each part of one. */
function printer(timestamps: boolean): (lines: readonly LogLine[]) => void {
  const within = { stdout: false, stderr: false }
  return lines => {
    for (const { time, stream, text } of lines) {
      const stamp = timestamps && !within[stream] ? `${time} ` : ''
      process[stream].write(Buffer.from(stamp + text, 'latin1'))
      within[stream] = !text.endsWith('\n')
    }
  }
}

function tailOf(text = 'all'): number | null {
  if (text === 'all') return null
  const count = Number(text)
  if (Number.isInteger(count) && count >= 0) return count
  throw new ContainerError(`--tail ${text}: write a number of lines, or all`)
}

const UNITS: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 }

/** A time, seconds since 1970, or a duration back from now (1h30m). */
function timeOf(flag: string, text: string | undefined): number | null {
  if (text === undefined) return null
  if (/^(\d+(\.\d+)?[smh])+$/.test(text)) {
    const pieces = [...text.matchAll(/([\d.]+)([smh])/g)]
    const back = pieces.reduce(
      (sum, [, number, unit]) => sum + Number(number) * (UNITS[unit ?? ''] ?? 0),
      0,
    )
    return Date.now() - back
  }
  const time = /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : Date.parse(text)
  if (!Number.isNaN(time)) return time
  throw new ContainerError(`${flag} ${text}: write a time (2024-01-02T03:04:05Z) or 10m`)
}
