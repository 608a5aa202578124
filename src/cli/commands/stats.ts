// `plyfs stats [--json] DIR`: live figures of a mount.
import { askStats } from '../../mount/ask-mount.js'
import type { StatsAnswer } from '../../overlay/control.js'
import { textOfAnswer } from '../../bytes/bytes-text.js'
import { asBytes, printLine } from '../output.js'
import { renderCounts, renderRows } from '../rows.js'

/** Prints the figures of the mount that a path is on; 0. Throws a MountError. */
export function stats(path: string, options: { json?: boolean }): number {
  const answer = askStats(path)
  if (options.json === true)
    printLine(asBytes(JSON.stringify(textOfAnswer(answer), null, 2)))
  else printLine(renderStats(answer))
  return 0
}

/** The figures for people; names are bytes. */
export function renderStats(answer: StatsAnswer): string {
  const { ahead, copyUps } = answer
  const lines = [
    renderRows([
      [
        'server',
        `plyfs ${answer.version}, process ${answer.pid}, up ${duration(answer.uptime)}`,
      ],
      [
        'protocol',
        `FUSE ${answer.protocol}, passthrough ${answer.passthrough ? 'on' : 'off'}`,
      ],
      ['upper', answer.upper ?? 'none (read-only)'],
      ['lowers', layers(answer)],
      ['archive', answer.archive],
      ['format', answer.format],
      ['nodes', `${answer.nodes}, of them ${answer.directories} directories`],
      [
        'open',
        `${answer.openFiles} files, ${answer.backingIds} backing ids, ${answer.descriptors} descriptors`,
      ],
      [
        'copied up',
        `${copyUps.files} files (${bytes(copyUps.bytes)}), ${copyUps.directories} directories`,
      ],
      ['walks', `${ahead.right} of ${ahead.guessed} directories rightly read ahead`],
    ]),
  ]
  const requests = renderCounts(answer.requests)
  if (requests.length > 0) lines.push('', 'requests', ...requests)
  const errors = renderCounts(answer.errors)
  if (errors.length > 0) lines.push('', 'errors', ...errors)
  return lines.join('\n')
}

function layers({ lowers, dataLowers }: StatsAnswer): string {
  return dataLowers === 0 ? String(lowers) : `${lowers}, and ${dataLowers} data-only`
}

function duration(seconds: number): string {
  const whole = Math.floor(seconds)
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const [hours, minutes, rest] = parts.map(part => String(part).padStart(2, '0'))
  return whole < 60 ? `${whole} s` : `${hours ?? ''}:${minutes ?? ''}:${rest ?? ''}`
}

function bytes(count: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = count
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`
}
