// The figures as tables in markdown: medians and the ratios that are asked about, and a line for
// each target that says whether it was reached.
import * as fs from 'node:fs'
import * as os from 'node:os'
import { medianOf, type Figure } from './figures.js'
import type { Filesystem, Mode, Options } from './options.js'
import { inWords, isRatio, limitInWords, type Target, type Verdict } from './targets.js'

/** One line about the machine and the circumstances. */
export function machine({ size, layers, rounds }: Options): string {
  const cpu = os.cpus()[0]?.model.trim() ?? 'an unknown processor'
  const memory = Math.round(os.totalmem() / 2 ** 30)
  const files = size.files.toLocaleString('en')
  return [
    `Linux ${os.release()}, ${os.cpus().length} × ${cpu}, ${memory} GB, Node ${process.version};`,
    `${files} files in ${layers} lower layer${layers > 1 ? 's' : ''};`,
    `medians of ${rounds} round${rounds > 1 ? 's' : ''}`,
  ].join(' ')
}

export function loadAverage(): string {
  return fs.readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '?'
}

/** The works of one mode: a column of medians for each driver that did any of them. */
export function table(figures: readonly Figure[], mode: Mode | null): string | null {
  const own = figures.filter(figure => figure.mode === mode && !figure.untimed)
  if (own.length === 0) return null
  const drivers = distinct(own.map(figure => figure.driver))
  const ratios = mode === null ? [] : pairs(drivers)
  const served = drivers.filter(name =>
    own.some(f => f.driver === name && f.serverCpu > 0),
  )
  const heads = { ro: 'read-only', rw: 'with a writable layer' }
  const head = [
    'row',
    mode === null ? 'without a mount of this bench' : heads[mode],
    ...drivers,
    ...ratios.map(([a, b]) => `${a} / ${b}`),
    ...served.map(name => `${name} server CPU, s`),
  ]
  const rows = distinct(own.map(figure => figure.title)).map(title => {
    const first = own.find(figure => figure.title === title)
    const of = (driver: string, value?: (figure: Figure) => number) =>
      medianOf(own, { title, mode, driver }, value)
    return [
      first?.row ?? '',
      `${title}, ${first?.unit ?? ''}`,
      ...drivers.map(name => number(of(name))),
      ...ratios.map(([a, b]) => ratio(of(a), of(b))),
      ...served.map(name => number(of(name, figure => figure.serverCpu))),
    ]
  })
  return markdown(head, rows, 2)
}

/** plyfs against every other, and the floor against the kernel. */
function pairs(drivers: readonly string[]): [string, string][] {
  const found: [string, string][] = []
  for (const other of ['kernel', 'fuse-overlayfs', 'floor', 'bare', 'plyfs-fuse-native'])
    if (drivers.includes('plyfs') && drivers.includes(other)) found.push(['plyfs', other])
  if (drivers.includes('floor') && drivers.includes('kernel'))
    found.push(['floor', 'kernel'])
  return found
}

/** What was asked, and what became of it on each filesystem. */
export function verdictTable(
  verdicts: ReadonlyMap<Filesystem, readonly Verdict[]>,
): string {
  const [first = []] = verdicts.values()
  const rows = first.map(({ target }, at) => [
    target.row,
    told(target),
    limitInWords(target, unitOf(target)),
    ...[...verdicts.values()].map(list => outcome(list[at])),
  ])
  return markdown(['row', 'work', 'target', ...verdicts.keys()], rows, 3)
}

function told({ title, mode, driver, without }: Target): string {
  const by = driver === 'plyfs' ? '' : `${driver}: `
  const off = without.map(term => `, without ${inWords(term, title)}`).join('')
  return `${by}${title}${mode === null ? '' : ` (${mode})`}${off}`
}

function outcome(verdict: Verdict | undefined): string {
  if (verdict === undefined || verdict.met === null) return 'not measured'
  const { target, value, limit, share } = verdict
  const factor = target.terms[0]?.factor ?? 1
  const figure = isRatio(target)
    ? `${((share ?? 0) * factor).toFixed(2)} ×`
    : `${number(value)} of ${number(limit)} ${unitOf(target)}`
  return verdict.met ? `${figure} reached` : `**${figure} missed**`
}

function unitOf({ title }: Target): string {
  return title.includes('memory') ? 'MB' : 's'
}

function markdown(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  left: number,
): string {
  const rule = head.map((_, column) => (column < left ? '---' : '---:'))
  const widths = head.map((name, column) =>
    Math.max(name.length, 4, ...rows.map(cells => (cells[column] ?? '').length)),
  )
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => pad(cell, widths[at] ?? 0, at < left)).join(' | ')} |`
  const bar = rule.map((cell, at) =>
    cell.replace('---', '-'.repeat((widths[at] ?? 4) - (cell.length - 3))),
  )
  return [line(head), `| ${bar.join(' | ')} |`, ...rows.map(line)].join('\n')
}

function pad(cell: string, width: number, left: boolean): string {
  return left ? cell.padEnd(width) : cell.padStart(width)
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}

/** Three digits that count. */
function number(value: number | null): string {
  if (value === null) return '-'
  const size = Math.abs(value)
  return value.toFixed(
    size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : size >= 0.01 ? 3 : 5,
  )
}

function ratio(a: number | null, b: number | null): string {
  return a === null || b === null || b === 0 ? '-' : (a / b).toFixed(2)
}
