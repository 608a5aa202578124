// The figures as a table in markdown: medians, and the ratios that are asked about.
import * as fs from 'node:fs'
import * as os from 'node:os'
import * as path from 'node:path'
import { MOUNT_ROW, type Figure } from './measure.js'
import type { Mode, Options } from './options.js'

/** One line about the machine and the circumstances. */
export function machine(options: Options): string {
  const cpu = os.cpus()[0]?.model.trim() ?? 'an unknown processor'
  const memory = Math.round(os.totalmem() / 2 ** 30)
  const { size, layers, rounds, filesystem, image } = options
  const made = `${size.files.toLocaleString('en')} files in ${layers} lower layer${layers > 1 ? 's' : ''}`
  return [
    `Linux ${os.release()}, ${os.cpus().length} × ${cpu}, ${memory} GB, Node ${process.version};`,
    image === null ? made : path.basename(image),
    `on ${filesystem}; medians of ${rounds} rounds; load before: ${loadAverage()}`,
  ].join(' ')
}

function loadAverage(): string {
  return fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '?'
}

/** A table for one mode: a row for each work, a column of seconds for each driver. */
export function table(
  figures: readonly Figure[],
  mode: Mode,
  drivers: readonly string[],
): string {
  const own = figures.filter(figure => figure.mode === mode)
  const titles = [...new Set(own.map(figure => figure.title))]
  titles.sort((a, b) => Number(b === MOUNT_ROW) - Number(a === MOUNT_ROW))
  const served = drivers.filter(name => name !== 'bare' && name !== 'kernel')
  const ratios = pairs(drivers)
  const head = [
    mode === 'ro' ? 'read-only' : 'with a writable layer',
    ...drivers.map(name => `${name}, s`),
    ...ratios.map(([a, b]) => `${a} / ${b}`),
    ...served.map(name => `${name} server CPU, s`),
  ]
  const rows = titles.map(title => {
    const of = (driver: string, value: (figure: Figure) => number) =>
      median(own.filter(f => f.title === title && f.driver === driver).map(value))
    const seconds = (driver: string) => of(driver, figure => figure.seconds)
    return [
      title,
      ...drivers.map(name => number(seconds(name), 3)),
      ...ratios.map(([a, b]) => ratio(seconds(a), seconds(b))),
      ...served.map(name =>
        number(
          of(name, figure => figure.serverCpu),
          2,
        ),
      ),
    ]
  })
  const rule = head.map((_, column) => (column === 0 ? '---' : '---:'))
  return [head, rule, ...rows].map(cells => `| ${cells.join(' | ')} |`).join('\n')
}

/** plyfs against every overlay, and every other server against the kernel. */
function pairs(drivers: readonly string[]): [string, string][] {
  const servers = drivers.filter(name => name !== 'bare' && name !== 'kernel')
  const found: [string, string][] = []
  for (const other of drivers) {
    const compared = drivers.includes('plyfs') && other !== 'plyfs' && other !== 'bare'
    if (compared) found.push(['plyfs', other])
  }
  for (const server of servers) {
    if (drivers.includes('kernel') && server !== 'plyfs') found.push([server, 'kernel'])
  }
  return found
}

export function median(values: readonly number[]): number | null {
  if (values.length === 0) return null
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

function number(value: number | null, digits: number): string {
  return value === null ? '-' : value.toFixed(digits)
}

function ratio(a: number | null, b: number | null): string {
  return a === null || b === null || b === 0 ? '-' : (a / b).toFixed(2)
}
